import { MnemeError } from "../../errors.ts";
import { type CommandEntry, command, commonArgs, EXIT } from "../command.ts";

export default command({
  name: "completion",
  summary: "Print a completion script for bash, zsh or fish",
  args: { ...commonArgs, shell: { type: "positional", required: true, description: "bash, zsh or fish" } },
  examples: [
    ['eval "$(mneme completion bash)"', "in ~/.bashrc"],
    ["mneme completion fish > ~/.config/fish/completions/mneme.fish", "once"],
  ],
  async run(args, { commands }) {
    const make = SHELLS[args.shell];
    if (!make)
      throw new MnemeError(
        "ARGUMENT",
        `completion: unknown shell ${JSON.stringify(args.shell)}; use bash, zsh or fish`,
      );
    process.stdout.write(make(await flagTable(commands)));
    return EXIT.ok;
  },
});

type FlagTable = readonly (readonly [name: string, summary: string, flags: readonly string[]])[];

async function flagTable(commands: readonly CommandEntry[]): Promise<FlagTable> {
  const rows = [];
  for (const { name, summary, load } of commands) {
    const { args } = await load();
    const flags = Object.entries(args).filter(([, arg]) => arg.type !== "positional");
    rows.push([name, summary, flags.map(([flag]) => `--${flag}`)] as const);
  }
  return rows;
}

const SHELLS: Readonly<Record<string, (table: FlagTable) => string>> = {
  bash,
  zsh: (table) => `autoload -U +X bashcompinit && bashcompinit\n${bash(table)}`,
  fish,
};

function bash(table: FlagTable): string {
  const cases = table.map(([name, , flags]) => `    ${name}) words="${flags.join(" ")}" ;;`);
  return `_mneme() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then words="${table.map(([name]) => name).join(" ")}"
  else case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac; fi
  if [ "\${word#-}" = "$word" ] && [ "$COMP_CWORD" -gt 1 ]; then COMPREPLY=( $(compgen -f -- "$word") )
  else COMPREPLY=( $(compgen -W "$words" -- "$word") ); fi
}
complete -F _mneme mneme
`;
}

function fish(table: FlagTable): string {
  const lines = table.flatMap(([name, summary, flags]) => [
    `complete -c mneme -n __fish_use_subcommand -f -a ${name} -d '${summary.replaceAll("'", "\\'")}'`,
    ...flags.map((flag) => `complete -c mneme -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`),
  ]);
  return `${lines.join("\n")}\n`;
}
