/** Finds the sub-command, parses its flags, runs it, and turns errors into one line and an exit code. */
import { isMnemeError, MnemeError } from "../errors.ts";
import { checkWords } from "./check-words.ts";
import { type Command, EXIT } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { helpOf, overview } from "./help.ts";
import { nearest } from "./nearest.ts";
import { fail } from "./output.ts";

/** @returns the exit code; never throws. */
export async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const json = argv.includes("--json");
  try {
    if (name === undefined || name === "help" || name === "--help" || name === "-h")
      return await help(rest[0]);
    if (name === "--version" || name === "-v" || name === "-V") return await version();
    const command = await commandOf(name);
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
  checkWords(command, rest);
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
  } catch (error) {
    // whichever part of the work noticed, the reason is the signal's
    if (interrupt.signal.aborted && isMnemeError(error, "CANCELLED")) throw interrupt.signal.reason;
    throw error;
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

async function help(name: string | undefined): Promise<number> {
  const asked = name !== undefined && !name.startsWith("-");
  process.stdout.write(asked ? helpOf(await commandOf(name)) : overview(COMMANDS));
  return EXIT.ok;
}

/** @throws MnemeError ARGUMENT, with the name that may be meant. */
async function commandOf(name: string): Promise<Command> {
  const command = await findCommand(name);
  if (command) return command;
  const near = nearest(
    name,
    COMMANDS.map((one) => one.name),
  );
  throw new MnemeError(
    "ARGUMENT",
    `no command ${JSON.stringify(name)}${near ? ` (did you mean ${near}?)` : ""}; see \`mneme help\``,
  );
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
