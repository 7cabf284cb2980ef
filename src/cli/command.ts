/** What a sub-command is: flags in one table that help, completion and parsing read; `run` returns the exit code. */
import type { ArgDef, ArgsDef, ParsedArgs } from "citty";

/** 0 fine, 1 failed, 2 wrong use, 3 nothing found, 4 locked by another writer, 5 damaged or foreign data, 130 interrupted. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  nothing: 3,
  locked: 4,
  damaged: 5,
  interrupted: 130,
} as const;

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly name: string;
  readonly summary: string;
  readonly args: T;
  /** Its last positional takes all words that are left: a text without quotes, or several paths. */
  readonly takesMany?: boolean;
  /** Whole command lines, with what they do. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  run(args: ParsedArgs<T>, context: CommandContext): Promise<number>;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export interface CommandContext {
  readonly commands: readonly CommandEntry[];
  readonly signal: AbortSignal;
  readonly rawArgs: readonly string[];
}

/** Keeps the literal type of `args`. */
export function command<const T extends ArgsDef>(definition: Command<T>): Command<T> {
  return definition;
}

/** Flags of every command. */
export const commonArgs = {
  json: {
    type: "boolean",
    description: "Print JSON (one document, or one object a line) on standard output",
  },
  quiet: { type: "boolean", alias: "q", description: "No progress and no notes on standard error" },
  help: { type: "boolean", alias: "h", description: "Show this help" },
} as const satisfies ArgsDef;

/** Flags of commands that open a library. */
export const libraryArgs = {
  ...commonArgs,
  library: {
    type: "string",
    alias: "l",
    valueHint: "path",
    description: "Library; default: $MNEME_LIBRARY or ./library.mneme",
  },
  budget: {
    type: "string",
    valueHint: "bytes",
    description: 'RAM the library may hold, e.g. "64MB"; default 256MB',
  },
  vectors: {
    type: "enum",
    options: ["auto", "flat", "graph", "disk-graph", "lists"],
    default: "auto",
    description: "Vector index of large segments: what the planner takes, or this one",
  },
  embedder: {
    type: "enum",
    options: ["openai", "transformers"],
    description: "What makes vectors of the library's model; default: what `reembed` moved it to",
  },
  "embedder-url": {
    type: "string",
    valueHint: "url",
    description: "Base URL of the library's embedder; default: as at `reembed`; key: $OPENAI_API_KEY",
  },
} as const satisfies ArgsDef;

/** Flags of commands that write to a library. */
export const writingArgs = {
  ...libraryArgs,
  wait: {
    type: "string",
    valueHint: "seconds",
    description: "How long to wait where another process writes; default: not at all, exit status 4",
  },
} as const satisfies ArgsDef;

/** Short names of a flag. */
export function aliasesOf(definition: ArgDef): string[] {
  const alias = "alias" in definition ? definition.alias : undefined;
  return alias === undefined ? [] : Array.isArray(alias) ? alias : [alias];
}
