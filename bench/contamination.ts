/**
 * Is every planted overlap found, is no clean example called dirty, and what of near copies? A library with substrings beside plain searches of
 * the same windows and runs of 13 words. Run: mneme bench contamination [--scale n]; scale 1 is a corpus of 8 MB.
 */
import { verdictOf } from "../src/eval/index.ts";
import { type Memory, type Overlap, open } from "../src/memory/index.ts";
import { byHashSet, byIndexOf, byWords, windowsOf } from "./contamination-checkers.ts";
import { type Example, OTHERS, plant, WIDTH } from "./contamination-data.ts";
import { type Figure, printFigure, switches } from "./row.ts";

const BENCH = "contamination";
const CORPUS_BYTES = 8e6;
/** Examples of the plain search, which takes a pass through the corpus for each window. */
const SEARCHED = 12;

const print = (figure: Figure): void => printFigure(BENCH, figure);

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; seconds: number }> {
  const started = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - started) / 1000 };
}

/** Documents with vectors of their own: what is measured needs none. */
async function libraryOf(documents: readonly string[]): Promise<Memory> {
  const memory = await open(":memory:", { substrings: true });
  const vector = new Float32Array(memory.info().space.dim).fill(0.1);
  await memory.add(documents.map((text, i) => ({ id: `d${i}`, text, vector })));
  await memory.idle();
  return memory;
}

/** Windows that lie in what was planted. */
const plantedWindows = ({ text, start, end }: Example): number =>
  windowsOf(text).filter((at) => at >= start && at + WIDTH <= end).length;

const isMarked = (overlap: Overlap): boolean => ["dirty", "suspicious"].includes(verdictOf(overlap));

/** The claims of finding: nothing missed, nothing invented. */
function printFound(
  examples: readonly Example[],
  overlaps: readonly Overlap[],
  wanted: readonly number[],
): void {
  const differing = overlaps.filter(({ found }, i) => found !== wanted[i]).length;
  print({
    system: "hash set",
    metric: "examples whose windows found differ",
    unit: "",
    ours: differing,
    better: "less",
    atMost: 0,
  });
  const exact = examples.flatMap((example, i) =>
    example.kind === "exact" && plantedWindows(example) > 0 ? [{ example, overlap: overlaps[i]! }] : [],
  );
  const whole = exact.filter(({ example, overlap }) => overlap.found >= plantedWindows(example));
  print({
    metric: "planted overlaps found whole",
    unit: "share",
    ours: whole.length / exact.length,
    better: "more",
    least: 1,
    note: `${exact.length} of 20 to 100% of an example`,
  });
  const stretches = exact.filter(({ example, overlap }) => {
    const { start = 0, end = 0 } = overlap.longest ?? {};
    return end - start >= Math.min(example.end, example.text.length) - wordAfter(example);
  });
  print({
    metric: "longest stretch spans the planted one",
    unit: "share",
    ours: stretches.length / exact.length,
    better: "more",
    least: 1,
  });
}

/** Where the first window of the planted stretch begins: stretches are told from there on. */
function wordAfter({ text, start }: Example): number {
  return windowsOf(text).find((at) => at >= start) ?? start;
}

function printClean(what: string, examples: readonly Example[], overlaps: readonly Overlap[]): void {
  const clean = overlaps.filter((_, i) => examples[i]!.kind === "none");
  print({
    metric: `clean examples marked, ${what}`,
    unit: "",
    ours: clean.filter(isMarked).length,
    better: "less",
    atMost: 0,
    note: `of ${clean.length}`,
  });
}

function printNear(
  examples: readonly Example[],
  exact: readonly Overlap[],
  near: readonly Overlap[],
  words: readonly (boolean | undefined)[],
): void {
  const copies = [...examples.keys()].filter((i) => examples[i]!.kind === "near");
  const windows = copies.reduce((sum, i) => sum + near[i]!.windows, 0);
  const foundBy = (overlaps: readonly Overlap[]): number =>
    copies.reduce((sum, i) => sum + overlaps[i]!.found, 0) / windows;
  print({
    system: "letter by letter",
    metric: `windows of near copies found (${OTHERS} others)`,
    unit: "share",
    ours: foundBy(near),
    baseline: foundBy(exact),
    better: "more",
    least: 0.99,
  });
  const dirty = copies.filter((i) => verdictOf(near[i]!) === "dirty").length / copies.length;
  const flagged = copies.filter((i) => words[i]).length / copies.length;
  print({
    system: "13 words",
    metric: "near copies called dirty",
    unit: "share",
    ours: dirty,
    baseline: flagged,
    better: "more",
    least: 0.99,
    note: `${copies.length} near copies`,
  });
}

function printWords(
  examples: readonly Example[],
  overlaps: readonly Overlap[],
  words: readonly (boolean | undefined)[],
): void {
  const planted = [...examples.keys()].filter(
    (i) => examples[i]!.kind === "exact" && plantedWindows(examples[i]!) > 0,
  );
  const missed = (isFound: (i: number) => boolean): number => planted.filter((i) => !isFound(i)).length;
  print({
    system: "13 words",
    metric: "planted overlaps of which nothing is found",
    unit: "",
    ours: missed((i) => overlaps[i]!.found > 0),
    baseline: missed((i) => words[i] === true),
    better: "less",
    atMost: 0,
    note: `of ${planted.length}`,
  });
  const clean = [...examples.keys()].filter((i) => examples[i]!.kind === "none");
  print({
    system: "13 words",
    metric: "clean examples marked",
    unit: "",
    ours: clean.filter((i) => isMarked(overlaps[i]!)).length,
    baseline: clean.filter((i) => words[i]).length,
    better: "less",
  });
}

async function main(): Promise<void> {
  const { examples, documents, bytes } = plant(CORPUS_BYTES * switches.scale);
  const texts = examples.map(({ text }) => text);
  const built = await timed(() => libraryOf(documents));
  await using memory = built.result;
  const megabytes = bytes / 1e6;
  print({
    metric: "corpus",
    unit: "MB",
    ours: megabytes,
    better: "more",
    note: `${documents.length} documents, ${examples.length} examples, built in ${built.seconds.toFixed(1)} s`,
  });
  const exact = await timed(() => memory.overlaps(texts, { width: WIDTH }));
  const hashed = await timed(() => byHashSet(texts, documents));
  printFound(examples, exact.result, hashed.result);
  printClean("letter by letter", examples, exact.result);
  const words = await timed(() => byWords(texts, documents));
  printWords(examples, exact.result, words.result);
  const near = await timed(() => memory.overlaps(texts, { width: WIDTH, mismatches: OTHERS }));
  printNear(examples, exact.result, near.result, words.result);
  printClean(`${OTHERS} others`, examples, near.result);
  const some = texts.slice(0, SEARCHED);
  const searched = await timed(() => byIndexOf(some, documents));
  const rate = (count: number, seconds: number): number => count / seconds;
  const ours = rate(texts.length, exact.seconds);
  const speed = (system: string, baseline: number): void =>
    print({ system, metric: "examples a second", unit: "/s", ours, baseline, better: "more" });
  speed("indexOf", rate(some.length, searched.seconds));
  speed("hash set", rate(texts.length, hashed.seconds));
  speed("13 words", rate(texts.length, words.seconds));
  print({
    system: "hash set",
    metric: "near copies: corpus read",
    unit: "MB/s",
    ours: megabytes / near.seconds,
    baseline: megabytes / hashed.seconds,
    better: "more",
  });
}

await main();
