/**
 * Contamination of a benchmark by a corpus: how much of each example stands in it, letter by letter, and what that makes of it. Thresholds
 * are those of Infini-gram mini (2025): 80% of the windows of 50 characters for dirty, 20% for suspicious.
 */
import { readFile } from "node:fs/promises";
import { MnemeError } from "../errors.ts";
import { type Bar, histogram } from "./svg.ts";

export const contaminationDefaults = { field: "question", width: 50, dirty: 0.8, suspicious: 0.2 } as const;

/** A text to be judged. */
export interface BenchmarkExample {
  /** 1-based line of the file. */
  readonly line: number;
  /** Its field `id` or `_id`, where it has one. */
  readonly id?: string;
  readonly text: string;
}

export const VERDICTS = ["dirty", "suspicious", "clean", "short"] as const;

/** "short": no window is as short as the example, so nothing can be said. */
export type Verdict = (typeof VERDICTS)[number];

/** Windows of an example, and how many of them the corpus holds. */
export interface WindowsFound {
  readonly windows: number;
  readonly found: number;
}

export interface ContaminationSummary extends Readonly<Record<Verdict, number>> {
  readonly examples: number;
  /** Dirty ones among all that are long enough to be judged; 0 where none is. */
  readonly dirtyShare: number;
  readonly suspiciousShare: number;
}

/** A JSON object a line; blank lines are passed over. @throws MnemeError NOT_FOUND, FORMAT naming the line */
export async function readBenchmark(path: string, field: string): Promise<BenchmarkExample[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new MnemeError("NOT_FOUND", `contamination: ${path} cannot be read; name a file of JSON lines`, {
      cause,
    });
  });
  const examples: BenchmarkExample[] = [];
  for (const [i, line] of bytes
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .split("\n")
    .entries())
    if (line.trim() !== "") examples.push(exampleOf(line, i + 1, path, field));
  if (examples.length === 0) throw new MnemeError("FORMAT", `contamination: ${path} holds no example`);
  return examples;
}

function exampleOf(json: string, line: number, path: string, field: string): BenchmarkExample {
  const refuse = (what: string, cause?: unknown): never => {
    throw new MnemeError("FORMAT", `contamination: ${path}, line ${line}: ${what}`, {
      details: { path, line },
      ...(cause === undefined ? {} : { cause }),
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    return refuse(`not JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse("an object is needed");
  const fields = value as Record<string, unknown>;
  const text = fields[field];
  if (typeof text !== "string") {
    const strings = Object.keys(fields).filter((name) => typeof fields[name] === "string");
    return refuse(
      `no text in the field "${field}"; name one of ${strings.join(", ") || "none"} with --field`,
    );
  }
  const id = fields.id ?? fields._id;
  return { line, text, ...(typeof id === "string" || typeof id === "number" ? { id: String(id) } : {}) };
}

export function shareOf({ windows, found }: WindowsFound): number {
  return windows === 0 ? 0 : found / windows;
}

export function verdictOf(counts: WindowsFound): Verdict {
  if (counts.windows === 0) return "short";
  const share = shareOf(counts);
  if (share >= contaminationDefaults.dirty) return "dirty";
  return share >= contaminationDefaults.suspicious ? "suspicious" : "clean";
}

export function summarize(all: readonly WindowsFound[]): ContaminationSummary {
  const counts = { dirty: 0, suspicious: 0, clean: 0, short: 0 };
  for (const one of all) counts[verdictOf(one)]++;
  const judged = all.length - counts.short || 1;
  return {
    examples: all.length,
    ...counts,
    dirtyShare: counts.dirty / judged,
    suspiciousShare: counts.suspicious / judged,
  };
}

/** Bars of the histogram: of equal width, so that the thresholds fall between two of them. */
const BARS = 20;

/** How many examples have which share of their windows in the corpus. Short ones are left out. */
export function contaminationSvg(title: string, all: readonly WindowsFound[]): string {
  const names = VERDICTS.filter((verdict) => verdict !== "short");
  const bars: Bar[] = Array.from({ length: BARS }, (_, i) => ({
    from: i / BARS,
    to: (i + 1) / BARS,
    count: 0,
    group: names.indexOf(verdictOf({ windows: BARS, found: i }) as (typeof names)[number]),
  }));
  const counts = new Array<number>(BARS).fill(0);
  for (const one of all)
    if (one.windows > 0) counts[Math.min(BARS - 1, Math.floor((one.found * BARS) / one.windows))]!++;
  const { examples, short, dirty, suspicious, clean } = summarize(all);
  const told = { dirty, suspicious, clean };
  return histogram(
    title,
    "share of an example's windows that stand in the library",
    `examples, of ${examples - short}`,
    bars.map((bar, i) => ({ ...bar, count: counts[i]! })),
    names.map((name) => `${name}: ${told[name]}`),
  );
}
