/** Help texts, made from the tables of commands and flags. */
import type { ArgDef } from "citty";
import { aliasesOf, type Command, type CommandEntry } from "./command.ts";

export function overview(commands: readonly CommandEntry[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "mneme: long memory for AI on the machine you have",
    "",
    "Usage: mneme COMMAND [options]",
    "",
    ...lines,
    "",
    "mneme COMMAND --help shows options and examples. The library is $MNEME_LIBRARY or ./library.mneme.",
    "",
  ].join("\n");
}

export function helpOf(command: Command): string {
  const entries = Object.entries(command.args);
  const positionals = entries.filter(([, arg]) => arg.type === "positional");
  const flags = entries.filter(([, arg]) => arg.type !== "positional");
  const usage = positionals.map(([name, arg]) => (arg.required === false ? `[${name}]` : name.toUpperCase()));
  const rows = (pairs: readonly (readonly [string, string])[]): string[] => {
    const width = Math.max(...pairs.map(([left]) => left.length));
    return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
  };
  return [
    command.summary,
    "",
    `Usage: mneme ${[command.name, ...usage, "[options]"].join(" ")}`,
    ...(positionals.length > 0
      ? ["", ...rows(positionals.map(([name, arg]) => [name.toUpperCase(), arg.description ?? ""]))]
      : []),
    "",
    "Options:",
    ...rows(flags.map(([name, arg]) => [flagOf(name, arg), describe(arg)])),
    "",
    "Examples:",
    ...rows(command.examples),
    "",
  ].join("\n");
}

function flagOf(name: string, arg: ArgDef): string {
  const names = [...aliasesOf(arg).map((alias) => `-${alias}`), `--${name}`].join(", ");
  const value =
    arg.type === "boolean" ? "" : ` ${"valueHint" in arg && arg.valueHint ? arg.valueHint : "value"}`;
  return names + value;
}

function describe(arg: ArgDef): string {
  const options = "options" in arg && arg.options ? ` (${arg.options.join(", ")})` : "";
  const fallback = arg.default === undefined || arg.default === false ? "" : `; default ${arg.default}`;
  return `${arg.description ?? ""}${options}${fallback}`;
}
