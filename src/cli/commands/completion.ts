import { MnemeError } from "../../errors.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { bash } from "../completion/bash.ts";
import { fish } from "../completion/fish.ts";
import { type CommandCompletion, completionTable, SHELLS, type Shell } from "../completion/table.ts";
import { zsh } from "../completion/zsh.ts";

const SCRIPTS: Readonly<Record<Shell, (table: readonly CommandCompletion[]) => string>> = { bash, zsh, fish };

export default command({
  name: "completion",
  summary: "Print a completion script for bash, zsh or fish",
  args: {
    ...commonArgs,
    shell: { type: "positional", required: true, valueHint: "shell", description: SHELLS.join(", ") },
  },
  examples: [
    ['eval "$(mneme completion bash)"', "in ~/.bashrc"],
    ['eval "$(mneme completion zsh)"', "in ~/.zshrc, after compinit"],
    ["mneme completion fish > ~/.config/fish/completions/mneme.fish", "once"],
  ],
  async run(args, { commands }) {
    const shell = SHELLS.find((one) => one === args.shell);
    if (!shell)
      throw new MnemeError(
        "ARGUMENT",
        `completion: unknown shell ${JSON.stringify(args.shell)}; use bash, zsh or fish`,
      );
    process.stdout.write(SCRIPTS[shell](await completionTable(commands)));
    return EXIT.ok;
  },
});
