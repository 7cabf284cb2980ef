/** The completion script for bash, 3.2 and later. Readline cuts words at `=`: a flag and its value in one word come as three. */
import type { CommandCompletion, Takes } from "./table.ts";

const HELPERS = `_mneme_words() { COMPREPLY+=( $(compgen -W "$1" -- "$word") ); }
_mneme_list() {
  local head=""
  case "$word" in *"$1"*) head="\${word%"$1"*}$1" ;; esac
  COMPREPLY+=( $(compgen -W "$2" -P "$head" -- "\${word##*"$1"}") )
}
_mneme_files() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY+=( $(compgen -f -- "$word") )
}`;

export function bash(table: readonly CommandCompletion[]): string {
  return `${HELPERS}
_mneme() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  if [ "$word" = "=" ]; then word=""
  elif [ "$before" = "=" ]; then before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    _mneme_words "${table.map(({ name }) => name).join(" ")}"
    return
  fi
  case "\${COMP_WORDS[1]}" in
${table.map(commandCase).join("\n")}
  esac
}
complete -F _mneme mneme
`;
}

function commandCase({ name, flags, positional }: CommandCompletion): string {
  const values = flags.flatMap(({ names, takes }) =>
    takes ? [`        ${names.join("|")}) ${propose(takes)} ;;`] : [],
  );
  const all = flags.flatMap(({ names }) => names).join(" ");
  return `    ${name})
      case "$before" in
${values.join("\n")}
        *) case "$word" in -*) _mneme_words "${all}" ;; *) ${propose(positional)} ;; esac ;;
      esac ;;`;
}

function propose({ words, joinedBy, files }: Takes): string {
  const listed = words.join(" ");
  const ways = [
    ...(words.length === 0
      ? []
      : [joinedBy ? `_mneme_list ${joinedBy} "${listed}"` : `_mneme_words "${listed}"`]),
    ...(files ? ["_mneme_files"] : []),
  ];
  return ways.length === 0 ? ":" : ways.join("; ");
}
