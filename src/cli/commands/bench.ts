import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../built-file.ts";
import { MnemeError } from "../../errors.ts";
import { command, commonArgs } from "../command.ts";
import { wholeNumber } from "../library.ts";

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
    scale: {
      type: "string",
      valueHint: "n",
      description: "The corpus and n - 1 edited copies of it; default 1",
    },
    only: {
      type: "string",
      valueHint: "name",
      description: "One system or part alone, without its baselines",
    },
  },
  examples: [
    ["mneme bench kernels", "GB/s of each kernel beside the machine's bandwidth"],
    [
      "mneme bench library --scale 4",
      "Speed and size beside Orama's and LanceDB's, over four times the corpus",
    ],
  ],
  async run(args, { signal }) {
    const root = fileURLToPath(packageRoot(import.meta.url));
    const file = `${root}bench/${args.name}.ts`;
    if (!/^[\w-]+$/.test(args.name) || !existsSync(file)) {
      throw new MnemeError(
        "NOT_FOUND",
        `bench: no benchmark ${JSON.stringify(args.name)} in ${root}bench; benchmarks are run from a checkout`,
      );
    }
    const scale = wholeNumber(args.scale, "scale");
    if (scale === 0) throw new MnemeError("RANGE", "bench: --scale must be 1 or more, got 0");
    const flags = [
      ...(args.json ? ["--json"] : []),
      ...(args.data ? ["--data", args.data] : []),
      ...(scale === undefined ? [] : ["--scale", String(scale)]),
      ...(args.only ? ["--only", args.only] : []),
    ];
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
