/** The completion script for zsh, by its own `_arguments`: sourced, or put into a folder of $fpath as `_mneme`. */
import type { CommandCompletion, FlagCompletion, Takes } from "./table.ts";

export function zsh(table: readonly CommandCompletion[]): string {
  return `#compdef mneme
_mneme_with_files() { _alternative "words:word:($1)" "files:file:_files" }
_mneme() {
  local -a commands=(
${table.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${table.map(commandCase).join("\n")}
  esac
}
if [[ $funcstack[1] = _mneme ]]; then _mneme "$@"; else compdef _mneme mneme; fi
`;
}

function commandCase({ name, flags, positional }: CommandCompletion): string {
  const lines = [...flags.flatMap(flagSpecs), quoted(`*:word:${action(positional)}`)];
  return `    ${name}) _arguments -s \\
${lines.map((line) => `      ${line}`).join(" \\\n")} ;;`;
}

/** Each name of a flag: taking one takes the others away. \`=\` behind a long one: its value stands in the same word or the next. */
function flagSpecs({ names, summary, takes }: FlagCompletion): string[] {
  const others = `(${names.join(" ")})`;
  const about = `[${summary.replace(/[\\\][]/g, "\\$&")}]`;
  return names.map((name) => {
    const long = name.startsWith("--");
    return quoted(
      takes
        ? `${others}${name}${long ? "=" : "+"}${about}:value:${action(takes)}`
        : `${others}${name}${about}`,
    );
  });
}

function action({ words, joinedBy, files }: Takes): string {
  const listed = words.join(" ");
  // the space in front: it is called with its own argument alone
  if (files) return words.length === 0 ? "_files" : ` _mneme_with_files "${listed}"`;
  if (words.length === 0) return " ";
  return joinedBy ? `_values -s ${joinedBy} value ${listed}` : `(${listed})`;
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
