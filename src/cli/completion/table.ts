/** What can stand at each place of a command line: made from the tables of flags, and turned into a script for each shell. */
import type { ArgDef } from "citty";
import { STANDARD_DIMENSIONS } from "../../index/cube/extract/standard.ts";
import { TUNE_PARTS } from "../../memory/tuning.ts";
import { aliasesOf, type Command, type CommandEntry } from "../command.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What a flag or a positional takes. */
export interface Takes {
  /** Words to choose from. */
  readonly words: readonly string[];
  /** Whether several of the words may be joined by this. */
  readonly joinedBy?: "," | "+";
  /** Whether files and folders are proposed too. */
  readonly files: boolean;
}

export interface FlagCompletion {
  /** As they are typed, the long name first. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Absent where no value follows. */
  readonly takes?: Takes;
}

export interface CommandCompletion {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagCompletion[];
  /** What its words beside the flags may be. */
  readonly positional: Takes;
}

const anyText: Takes = { words: [], files: false };
const files: Takes = { words: [], files: true };

/** Kinds of values, by the hint that the tables give; other hints stand for free text. */
const BY_HINT: Readonly<Record<string, Takes>> = {
  file: files,
  folder: files,
  path: files,
  model: files,
  "model|none": { words: ["none"], files: true },
  "folder|off": { words: ["off"], files: true },
  shell: { words: SHELLS, files: false },
  "list|clear": { words: ["list", "clear"], files: false },
  parts: { words: TUNE_PARTS, joinedBy: ",", files: false },
  dimensions: { words: STANDARD_DIMENSIONS, joinedBy: ",", files: false },
  "all|dimensions": { words: ["all", ...STANDARD_DIMENSIONS], joinedBy: ",", files: false },
  codecs: {
    words: ["f32", "int8", "int4-g32", "rabitq1", "rabitq2", "rabitq4", "sign", "sign-hamming"],
    joinedBy: ",",
    files: false,
  },
  policy: {
    words: ["f32", "f16", "int8", "lloyd4", "lloyd2", "affine4", "affine2"],
    joinedBy: "+",
    files: false,
  },
};

export async function completionTable(commands: readonly CommandEntry[]): Promise<CommandCompletion[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => ({ name, summary, ...completionOf(await load()) })),
  );
}

function completionOf({ args }: Command): Pick<CommandCompletion, "flags" | "positional"> {
  const entries = Object.entries(args);
  const positionals = entries.filter(([, arg]) => arg.type === "positional").map(([, arg]) => takesOf(arg));
  return {
    flags: entries
      .filter(([, arg]) => arg.type !== "positional")
      .flatMap(([name, arg]) => flagsOf(name, arg)),
    positional: {
      words: positionals.flatMap(({ words }) => words),
      files: positionals.some((one) => one.files),
    },
  };
}

/** A flag that is on by default has one that turns it off. */
function flagsOf(name: string, arg: ArgDef): FlagCompletion[] {
  const names = [`--${name}`, ...aliasesOf(arg).map((alias) => `-${alias}`)];
  const summary = arg.description ?? "";
  if (arg.type !== "boolean") return [{ names, summary, takes: takesOf(arg) }];
  return [{ names, summary }, ...(arg.default === true ? [{ names: [`--no-${name}`], summary }] : [])];
}

function takesOf(arg: ArgDef): Takes {
  if ("options" in arg && arg.options) return { words: arg.options, files: false };
  return (arg.valueHint === undefined ? undefined : BY_HINT[arg.valueHint]) ?? anyText;
}
