/** What a benchmark prints: one line of words a figure, or with --json one BenchRow a line. And the switches that all of them take. */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packageRoot } from "../src/built-file.ts";
import { MnemeError } from "../src/errors.ts";
import { endOnErrors } from "./end-on-errors.ts";

export interface BenchRow {
  readonly bench: string;
  /** What the figure is compared with: a peer, a probe, a reference. "none" for a figure that stands alone. */
  readonly system: string;
  readonly metric: string;
  readonly unit: string;
  /** The other system's figure; null when it stands alone or the other does not have it. */
  readonly baseline: number | null;
  readonly ours: number;
  /** How much better ours is: above 1 is better, whichever way the metric points. */
  readonly ratio: number | null;
  /** What is claimed about the ratio, or about the figure itself; "" when nothing is. */
  readonly claim: string;
  /** null when nothing is claimed. */
  readonly pass: boolean | null;
  readonly note?: string;
}

export interface Figure {
  readonly system?: string;
  readonly metric: string;
  readonly unit: string;
  readonly ours: number;
  readonly baseline?: number;
  readonly better: "more" | "less";
  /** The ratio that is claimed at least. */
  readonly atLeast?: number;
  /** What is claimed of our figure itself, without a baseline: no more than this. */
  readonly atMost?: number;
  /** And no less than this. */
  readonly least?: number;
  readonly note?: string;
}

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    data: { type: "string" },
    scale: { type: "string", default: "1" },
    only: { type: "string" },
    device: { type: "string" },
    settings: { type: "string", default: "{}" },
  },
  strict: false,
});

const root: string = fileURLToPath(packageRoot(import.meta.url));

export interface Switches {
  readonly json: boolean;
  readonly scale: number;
  readonly only: string | undefined;
  /** What trains, of benchmarks that train. */
  readonly device: "wasm" | "webgpu";
  /** Settings of a training in place of the benchmark's own, by name: to try others on the validation part. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export const switches: Switches = {
  json: values.json === true,
  scale: Number(values.scale),
  only: typeof values.only === "string" ? values.only : undefined,
  device: values.device === "webgpu" ? "webgpu" : "wasm",
  settings: JSON.parse(String(values.settings)),
};

export const repository: string = root;

const NAME_DATA = "name the folder of the public data sets by --data or MNEME_DATA";

/** Folder of the public data: --data, $MNEME_DATA, or ../shared/data beside the repository. @throws MnemeError NOT_FOUND */
export function dataFolder(): string {
  const folder = dataPath();
  if (!existsSync(folder))
    throw new MnemeError("NOT_FOUND", `bench: no public data sets in ${folder}; ${NAME_DATA}`);
  return folder;
}

function dataPath(): string {
  const named = typeof values.data === "string" ? values.data : process.env.MNEME_DATA;
  return named ? resolve(named) : resolve(root, "../shared/data");
}

endOnErrors((path) => {
  // models lie beside the data
  const folder = dataPath();
  if (!path.startsWith(join(folder, "..", "/"))) return undefined;
  return new MnemeError("NOT_FOUND", `bench: no ${relative(folder, path)} in ${folder}; ${NAME_DATA}`);
});

/** Folder of what a next run of the benchmark needs not make again. */
export function keptFolder(name: string): string {
  return join(process.env.MNEME_KEPT ?? tmpdir(), name);
}

/** A figure judged against its baseline. */
function rowOfFigure(bench: string, figure: Figure): BenchRow {
  const { system = "none", metric, unit, ours, baseline, better, note } = figure;
  const ratio = baseline === undefined ? null : better === "more" ? ours / baseline : baseline / ours;
  return {
    bench,
    system,
    metric,
    unit,
    baseline: baseline ?? null,
    ours,
    ratio,
    ...judged(figure, ratio),
    ...(note === undefined ? {} : { note }),
  };
}

function judged(
  { ours, atLeast, atMost, least }: Figure,
  ratio: number | null,
): Pick<BenchRow, "claim" | "pass"> {
  if (atMost !== undefined) return { claim: `<= ${atMost}`, pass: ours <= atMost };
  if (least !== undefined) return { claim: `>= ${least}`, pass: ours >= least };
  if (atLeast === undefined) return { claim: "", pass: null };
  return { claim: `ratio >= ${atLeast}`, pass: ratio === null ? null : ratio >= atLeast };
}

function printRow(row: BenchRow): void {
  console.log(switches.json ? JSON.stringify(row) : lineOf(row));
}

export function printFigure(bench: string, figure: Figure): void {
  printRow(rowOfFigure(bench, figure));
}

function lineOf({ system, metric, unit, baseline, ours, ratio, claim, pass, note }: BenchRow): string {
  // of nothing there is none
  const times = ratio !== null && Number.isFinite(ratio) ? `  ratio ${short(ratio)}` : "";
  const against = baseline === null ? "" : `  ${system} ${short(baseline)} ${unit}${times}`;
  const verdict = pass === null ? "" : `  ${pass ? "pass" : "FAIL"} (${claim})`;
  return `${metric.padEnd(44)} ${short(ours).padStart(9)} ${unit.padEnd(6)}${against}${verdict}${note ? `  # ${note}` : ""}`;
}

function short(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The value below which `share` of the values lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}
