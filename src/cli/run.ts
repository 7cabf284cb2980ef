/** Finds the sub-command, parses its flags, runs it, and turns errors into one line and an exit code. */
import type { ArgsDef } from "citty";
import { isMnemeError, MnemeError } from "../errors.ts";
import { aliasesOf, type Command, EXIT } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { helpOf, overview } from "./help.ts";
import { fail } from "./output.ts";

/** @returns the exit code; never throws. */
export async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const json = argv.includes("--json");
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h") return help(rest[0]);
    if (name === "--version" || name === "-v") return await version();
    const command = await findCommand(name);
    if (!command)
      throw new MnemeError(
        "NOT_FOUND",
        `mneme: no command ${JSON.stringify(name)}${suggestion(name)}; see \`mneme help\``,
      );
    if (rest.includes("--help") || rest.includes("-h")) {
      process.stdout.write(helpOf(command));
      return EXIT.ok;
    }
    return await execute(command, rest);
  } catch (error) {
    fail(error, json);
    return exitCodeOf(error);
  }
}

async function execute(command: Command, rest: readonly string[]): Promise<number> {
  const { parseArgs } = await import("citty");
  refuseUnknown(command, rest);
  const args = parse(() => parseArgs([...rest], command.args), command);
  const interrupt = new AbortController();
  const onSignal = (): void => {
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort(
      new MnemeError("CANCELLED", "interrupted; what was committed is kept, run the command again to go on"),
    );
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await command.run(args, { signal: interrupt.signal, rawArgs: rest, commands: COMMANDS });
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

function parse<T>(work: () => T, command: Command): T {
  try {
    return work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MnemeError(
      "ARGUMENT",
      `mneme ${command.name}: ${reason}; see \`mneme ${command.name} --help\``,
      { cause },
    );
  }
}

/** citty lets unknown flags pass; a typo must not be silently ignored. */
function refuseUnknown(command: Command, rest: readonly string[]): void {
  const known = new Set<string>();
  for (const [name, definition] of Object.entries(command.args as ArgsDef)) {
    for (const flag of [name, ...aliasesOf(definition)]) known.add(flag).add(`no-${flag}`);
  }
  for (const word of rest) {
    if (word === "--") return;
    const flag = /^--?([a-z][\w-]*)/i.exec(word)?.[1];
    if (flag && !known.has(flag)) {
      throw new MnemeError(
        "ARGUMENT",
        `mneme ${command.name}: unknown option ${word}; see \`mneme ${command.name} --help\``,
      );
    }
  }
}

async function help(name: string | undefined): Promise<number> {
  const command = name && (await findCommand(name));
  process.stdout.write(command ? helpOf(command) : overview(COMMANDS));
  return EXIT.ok;
}

async function version(): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const { packageRoot } = await import("../built-file.ts");
  const manifest = JSON.parse(
    await readFile(new URL("package.json", packageRoot(import.meta.url)), "utf8"),
  ) as { version: string };
  console.log(manifest.version);
  return EXIT.ok;
}

function suggestion(name: string): string {
  const near = COMMANDS.map(({ name: known }) => known).find(
    (known) => known.startsWith(name) || name.startsWith(known),
  );
  return near ? ` (did you mean ${near}?)` : "";
}

function exitCodeOf(error: unknown): number {
  if (!isMnemeError(error)) return EXIT.failed;
  switch (error.code) {
    case "ARGUMENT":
    case "RANGE":
      return EXIT.usage;
    case "NOT_FOUND":
      return EXIT.nothing;
    case "LOCKED":
      return EXIT.locked;
    case "CORRUPT":
    case "FORMAT":
    case "VERSION":
      return EXIT.damaged;
    case "CANCELLED":
      return EXIT.interrupted;
    default:
      return EXIT.failed;
  }
}
