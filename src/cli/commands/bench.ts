import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../built-file.ts";
import { MnemeError } from "../../errors.ts";
import { command, commonArgs } from "../command.ts";

export default command({
  name: "bench",
  summary: "Reproduce one claim, side by side with its baselines (needs a checkout of the repository)",
  args: {
    ...commonArgs,
    name: {
      type: "positional",
      required: true,
      description: "A file of bench/ without its ending, e.g. kernels",
    },
    data: { type: "string", valueHint: "folder", description: "Public data sets; default $MNEME_DATA" },
  },
  examples: [["mneme bench kernels", "GB/s of each kernel beside the machine's bandwidth"]],
  async run(args, { signal }) {
    const root = fileURLToPath(packageRoot(import.meta.url));
    const file = `${root}bench/${args.name}.ts`;
    if (!/^[\w-]+$/.test(args.name) || !existsSync(file)) {
      throw new MnemeError(
        "NOT_FOUND",
        `bench: no benchmark ${JSON.stringify(args.name)} in ${root}bench; benchmarks are run from a checkout`,
      );
    }
    const flags = [...(args.json ? ["--json"] : []), ...(args.data ? ["--data", args.data] : [])];
    const child = spawn(process.execPath, [`${root}scripts/run-ts.mjs`, file, ...flags], {
      stdio: "inherit",
      cwd: root,
      signal,
    });
    return new Promise((resolve, reject) =>
      child.on("error", reject).on("exit", (code) => resolve(code ?? 1)),
    );
  },
});
