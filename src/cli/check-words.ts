/**
 * What stands on a command line, checked against a command's table of flags before it is parsed: the parser lets unknown flags, flags
 * without their value and words too many pass, and none of them may be silently ignored.
 */
import type { ArgDef } from "citty";
import { MnemeError } from "../errors.ts";
import { aliasesOf, type Command } from "./command.ts";
import { nearest } from "./nearest.ts";

/** A flag as it stands there, with the value that is written into the same word. */
interface Flag {
  readonly name: string;
  readonly value: string | undefined;
}

/** @throws MnemeError ARGUMENT naming the word and what to write instead. */
export function checkWords(command: Command, words: readonly string[]): void {
  const known = flagsOf(command);
  let positionals = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") {
      positionals += words.length - i - 1;
      break;
    }
    if (!/^--?[a-z]/i.test(word)) {
      positionals++;
      continue;
    }
    for (const flag of flagsIn(word, known)) {
      const definition = known.get(flag.name) ?? refuseUnknown(command, word, known);
      if (definition.type === "boolean" || flag.name.startsWith("no-")) continue;
      checkValue(command, word, definition, flag.value ?? words[++i], known);
    }
  }
  checkCount(command, words, positionals);
}

/** Definitions by every name that a flag goes by, `no-` ones among them. */
function flagsOf(command: Command): Map<string, ArgDef> {
  const known = new Map<string, ArgDef>();
  for (const [name, definition] of Object.entries(command.args)) {
    if (definition.type === "positional") continue;
    for (const flag of [name, ...aliasesOf(definition)]) {
      known.set(flag, definition);
      if (definition.type === "boolean") known.set(`no-${flag}`, definition);
    }
  }
  return known;
}

/** One flag of a word with two dashes; of one with a single dash as many letters as are no value. */
function* flagsIn(word: string, known: ReadonlyMap<string, ArgDef>): Generator<Flag> {
  const equals = word.indexOf("=");
  const value = equals < 0 ? undefined : word.slice(equals + 1);
  const name = word.slice(word.startsWith("--") ? 2 : 1, equals < 0 ? undefined : equals);
  if (word.startsWith("--") || known.has(name)) return yield { name, value };
  for (let i = 1; i < word.length; i++) {
    const letter = word[i]!;
    if (known.get(letter)?.type === "boolean") yield { name: letter, value: undefined };
    else return yield { name: letter, value: word.slice(i + 1) || undefined };
  }
}

function checkValue(
  command: Command,
  word: string,
  definition: ArgDef,
  value: string | undefined,
  known: ReadonlyMap<string, ArgDef>,
): void {
  const isFlag = value !== undefined && /^--?[a-z]/i.test(value) && known.has(value.replace(/^-+|=.*/g, ""));
  if (value === undefined || value === "" || isFlag) {
    const hint = "valueHint" in definition ? definition.valueHint : undefined;
    refuse(command, `${word} needs a value${hint ? `: ${word} ${hint.toUpperCase()}` : ""}`);
  }
  const options = "options" in definition ? definition.options : undefined;
  if (options && !options.includes(value))
    refuse(command, `${word}: ${JSON.stringify(value)} is none of ${options.join(", ")}`);
}

function checkCount(command: Command, words: readonly string[], given: number): void {
  const positionals = Object.entries(command.args).filter(([, { type }]) => type === "positional");
  const missing = positionals[given];
  if (missing && missing[1].required !== false) refuse(command, `${missing[0].toUpperCase()} is missing`);
  for (const [name, definition] of Object.entries(command.args)) {
    const isGiven = words.some((word) => word === `--${name}` || word.startsWith(`--${name}=`));
    if (definition.type !== "positional" && definition.required && !isGiven)
      refuse(command, `--${name} is missing`);
  }
  if (given <= positionals.length || command.takesMany) return;
  const extra =
    positionals.length === 0 ? "takes no words but options" : `takes ${positionals.length} at most`;
  const library = "library" in command.args ? "; a library is named with --library" : "";
  refuse(command, `${given} words beside its options, it ${extra}${library}`);
}

function refuseUnknown(command: Command, word: string, known: ReadonlyMap<string, ArgDef>): never {
  const near = nearest(
    word.replace(/^-+|=.*/g, ""),
    [...known.keys()].filter((name) => name.length > 1),
  );
  return refuse(command, `unknown option ${word}${near ? ` (did you mean --${near}?)` : ""}`);
}

function refuse(command: Command, what: string): never {
  throw new MnemeError("ARGUMENT", `${command.name}: ${what}; see \`mneme ${command.name} --help\``);
}
