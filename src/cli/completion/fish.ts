/** The completion script for fish, 3.0 and later. */
import type { CommandCompletion, FlagCompletion, Takes } from "./table.ts";

const HELPERS = `function __mneme_bare
  test (count (commandline -opc)) -eq 1
end
function __mneme_is
  set -l words (commandline -opc)
  test (count $words) -gt 1; and test $words[2] = $argv[1]
end
function __mneme_list
  set -l head (commandline -ct | string replace -r -- '^--[^=]*=' '' | string match -r -- "^.*\\\\$argv[1]")
  printf '%s\\n' "$head"$argv[2..-1]
end
complete -c mneme -f`;

export function fish(table: readonly CommandCompletion[]): string {
  return `${[HELPERS, ...table.flatMap(commandLines)].join("\n")}\n`;
}

function commandLines({ name, summary, flags, positional }: CommandCompletion): string[] {
  const complete = `complete -c mneme -n '__mneme_is ${name}'`;
  return [
    `complete -c mneme -n __mneme_bare -a ${name} -d ${quoted(summary)}`,
    ...(positional.files ? [`${complete} -F`] : []),
    ...(positional.words.length > 0 ? [`${complete} -a ${quoted(positional.words.join(" "))}`] : []),
    ...flags.map((flag) => `${complete} ${flagOf(flag)}`),
  ];
}

function flagOf({ names, summary, takes }: FlagCompletion): string {
  const spelled = names.map((name) => {
    const bare = name.replace(/^-+/, "");
    return name.startsWith("--") && bare.length > 1 ? `-l ${bare}` : `-s ${bare}`;
  });
  return [...new Set(spelled), ...(takes ? [valueSpec(takes)] : []), `-d ${quoted(summary)}`].join(" ");
}

/** -x: a value and no file; -r -F: a value, which may be a file. */
function valueSpec({ words, joinedBy, files }: Takes): string {
  const kind = files ? "-r -F" : "-x";
  if (words.length === 0) return kind;
  return `${kind} -a ${quoted(joinedBy ? `(__mneme_list ${joinedBy} ${words.join(" ")})` : words.join(" "))}`;
}

const quoted = (text: string): string => `'${text.replace(/[\\']/g, "\\$&")}'`;
