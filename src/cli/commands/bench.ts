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
    scale: {
      type: "string",
      valueHint: "n",
      description: "Times the rows, documents or seeds: what of them the benchmark's head says; default 1",
    },
    only: {
      type: "string",
      valueHint: "name",
      description: "One system or part alone, without its baselines",
    },
    device: {
      type: "string",
      valueHint: "name",
      description: "What trains, of those that train: wasm, webgpu",
    },
    settings: {
      type: "string",
      valueHint: "JSON",
      description: "Further choices that the benchmark's head names",
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
    checkChoices(args.scale, args.settings);
    const flags = [
      ...(args.json ? ["--json"] : []),
      ...(["data", "scale", "only", "device", "settings"] as const).flatMap((name) => {
        const value = args[name];
        return value === undefined ? [] : [`--${name}`, value];
      }),
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

/** @throws MnemeError RANGE, ARGUMENT */
function checkChoices(scale: string | undefined, settings: string | undefined): void {
  if (scale !== undefined && !(Number(scale) > 0 && Number.isFinite(Number(scale))))
    throw new MnemeError("RANGE", `bench: --scale must be a number above 0, got ${JSON.stringify(scale)}`);
  if (settings === undefined) return;
  try {
    JSON.parse(settings);
  } catch (cause) {
    throw new MnemeError("ARGUMENT", `bench: --settings must be JSON, got ${settings}`, { cause });
  }
}
