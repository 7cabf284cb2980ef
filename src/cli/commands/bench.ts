import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../built-file.ts";
import { MnemeError } from "../../errors.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { nearest } from "../nearest.ts";

export default command({
  name: "bench",
  summary: "Reproduce one claim, side by side with its baselines (needs a checkout of the repository)",
  args: {
    ...commonArgs,
    name: {
      type: "positional",
      required: true,
      description: "A benchmark of bench/, without its ending, e.g. kernels",
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
    const file = benchmarkNamed(args.name, `${root}bench`);
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
    });
    signal.addEventListener("abort", () => child.kill());
    const code = await new Promise<number | null>((resolve, reject) =>
      child.on("error", reject).on("exit", resolve),
    );
    // not before its files are gone
    if (signal.aborted) throw signal.reason;
    return code ?? EXIT.failed;
  },
});

/** @returns its file. @throws MnemeError NOT_FOUND, with the names that there are */
function benchmarkNamed(name: string, folder: string): string {
  if (!existsSync(folder))
    throw new MnemeError(
      "NOT_FOUND",
      `bench: no ${folder}; benchmarks are run from a checkout of the repository`,
    );
  const names = benchmarksIn(folder);
  if (names.includes(name)) return `${folder}/${name}.ts`;
  const near = nearest(name, names);
  throw new MnemeError(
    "NOT_FOUND",
    `bench: no benchmark ${JSON.stringify(name)}${near ? ` (did you mean ${near}?)` : ""}; there are ${names.join(", ")}`,
  );
}

/** A benchmark is run and gives nothing to others; a file with exports is a part of some. */
function benchmarksIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts") && !/^export /m.test(readFileSync(`${folder}/${file}`, "utf8")))
    .map((file) => file.slice(0, -".ts".length))
    .sort();
}

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
