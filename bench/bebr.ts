/**
 * What do trained binary embeddings keep for their bytes? Recall@10 of binary codes whose bits settle, by one recipe, beside signs, ITQ, product
 * codes and RaBitQ of as many bytes, on three sets: pairs with a nuisance, pairs without, sentences that should find their passage; with codes
 * trained through their signs beside them, which learn neighbours of word vectors too.
 * Then the bytes of an index with its re-scoring codes, versions that read each other's codes, and the speed of the symmetric scan.
 * --only nuisance | plain | texts | words | versions | speed | validation (texts by which settings were chosen, none of the test's),
 * --scale N for N times the rows, --device webgpu to train on a GPU, --settings JSON for others than the chosen ones.
 */
import { int8, parseCodec, type RbeCoder } from "../src/codecs/index.ts";
import { contiguousRows, memorySegment, type Parts } from "../src/index/segment.ts";
import { FlatIndex } from "../src/index/vector/flat.ts";
import { COARSE, FINE } from "../src/index/vector/vectors-kind.ts";
import { rowOf } from "../src/linalg/matrix.ts";
import { type RbePairs, type RbeTrainOptions, trainRbe, trainSettledRbe } from "../src/train/index.ts";
import { type BebrSet, bebrSet, K, SETS, type SetName } from "./bebr-data.ts";
import { recallOf } from "./bebr-recall.ts";
import { measureSpeed } from "./bebr-speed.ts";
import { dataFolder, printFigure, switches } from "./row.ts";

const BENCH = "bebr";
/** Bytes a row by set, what else takes as many, and what is claimed. */
interface Budget {
  readonly bytes: number;
  /** Codes trained through their signs: told beside settled ones, and what is claimed where there are no pairs. */
  readonly ours: readonly Pick<RbeTrainOptions, "bits" | "width">[];
  readonly rivals: readonly string[];
  /** Told beside, and not among those that are to be beaten. */
  readonly rabitq: readonly string[];
  /** Whether more is claimed than rivals reach; default true. */
  readonly isClaimed?: boolean;
}

const AT_16: Budget = {
  bytes: 16,
  ours: [
    { bits: 2, width: 64 },
    { bits: 1, width: 128 },
  ],
  rivals: [
    "rotate>truncate128>sign-hamming",
    "rotate>truncate128>sign",
    "itq128u>sign-hamming",
    "itq128u>sign",
    "itq128>sign",
    "pq4x32-random",
    "pq8x16",
    "pq8x16-opq",
  ],
  rabitq: ["pca64u>rabitq1"],
};

const AT_32: Budget = {
  bytes: 32,
  ours: [
    { bits: 2, width: 128 },
    { bits: 1, width: 256 },
  ],
  rivals: [
    "rotate>sign-hamming",
    "rotate>sign",
    "itq256u>sign-hamming",
    "itq256u>sign",
    "pq8x32",
    "pq8x32-opq",
  ],
  rabitq: ["pca192u>rabitq1"],
};

const AT_64: Budget = {
  bytes: 64,
  ours: [{ bits: 2, width: 256 }],
  rivals: ["pq8x64"],
  rabitq: ["pca224u>rabitq2"],
};

const WORDS_32: Budget = {
  bytes: 32,
  ours: [{ bits: 2, width: 128 }],
  rivals: ["itq128u>sign", "pq4x64", "pq8x32", "pq8x32-opq"],
  rabitq: ["pca96u>rabitq2"],
  isClaimed: false,
};

const BUDGETS: Record<SetName, readonly Budget[]> = {
  nuisance: [AT_32],
  plain: [AT_16, AT_64],
  // one bit a dimension: with two, texts found less
  texts: [
    { ...AT_16, ours: AT_16.ours.slice(1) },
    { ...AT_32, ours: AT_32.ours.slice(1) },
  ],
  words: [WORDS_32],
};

/** Of codes trained through their signs. Texts are near to each other already: high rates forget what geometry tells. */
const PAIRS = { steps: 300, batch: 128 } as const;
const TEXTS = { steps: 400, batch: 256, rate: 3e-4, symmetric: 0, centre: true } as const;
const ROWS = { steps: 300, rate: 3e-4, symmetric: 0 } as const;
/** Candidates re-scored, points of recall that may be lost, and the share of the float index's bytes that is left at most. */
const RESCORED = { candidates: 100, lost: 0.01, share: 0.7 } as const;
/** Points of recall that a query of the other version may lose. */
const VERSIONS = { lost: 0.02 } as const;

const trainingOf = ({ name, pairs }: BebrSet): Partial<RbeTrainOptions> =>
  name === "texts" ? TEXTS : pairs ? PAIRS : ROWS;

async function trained(
  set: BebrSet,
  options: Pick<RbeTrainOptions, "bits" | "width"> & Partial<RbeTrainOptions>,
): Promise<RbeCoder> {
  return timed(set, () =>
    trainRbe(set.pairs ?? set.rows, {
      version: "a",
      device: switches.device,
      ...trainingOf(set),
      ...options,
    }),
  );
}

/** One recipe for all sets: the defaults. */
async function settled(set: BebrSet, pairs: RbePairs, bytes: number): Promise<RbeCoder> {
  const { device, settings } = switches;
  return timed(set, () =>
    trainSettledRbe(pairs, { width: 8 * bytes, version: "settled", device, ...settings }),
  );
}

async function timed(set: BebrSet, train: () => Promise<RbeCoder>): Promise<RbeCoder> {
  const started = process.cpuUsage();
  const coder = await train();
  const { user, system } = process.cpuUsage(started);
  console.error(
    `bench: ${set.name}: trained ${coder.id} in ${((user + system) / 1e6).toFixed(0)} s of processor time`,
  );
  return coder;
}

function told(set: BebrSet, name: string, recall: number, bytes: number): void {
  const metric = `${set.name}, ${name}: recall@${K}`;
  printFigure(BENCH, { metric, unit: "", ours: recall, better: "more", note: `${bytes} bytes a row` });
}

function recallByName(set: BebrSet, recipe: string): number {
  const coder = parseCodec(recipe).fit(set.rows, { seed: 1 });
  const recall = recallOf(set, coder);
  told(set, recipe, recall, coder.blockBytes!);
  return recall;
}

async function throughSigns(set: BebrSet, { ours }: Budget): Promise<RbeCoder> {
  const own: { coder: RbeCoder; recall: number }[] = [];
  for (const shape of ours) {
    const untrained = parseCodec(`rbe${shape.bits}x${shape.width}`).fit(set.rows, { seed: 1 });
    told(set, `${untrained.id} untrained`, recallOf(set, untrained), untrained.blockBytes!);
    const coder = await trained(set, shape);
    const recall = recallOf(set, coder);
    told(set, `${coder.id} trained`, recall, coder.blockBytes);
    const symmetric = recallOf(set, coder.as({ symmetric: true }));
    told(set, `${coder.id} trained, symmetric`, symmetric, coder.blockBytes);
    own.push({ coder, recall });
  }
  return own.reduce((a, b) => (b.recall > a.recall ? b : a)).coder;
}

async function equalBytes(set: BebrSet, budget: Budget): Promise<RbeCoder> {
  const beside = await throughSigns(set, budget);
  const coder = set.pairs ? await settled(set, set.pairs, budget.bytes) : beside;
  const recall = recallOf(set, coder);
  const name = `${coder.id}${coder.settled ? " settled" : ""}`;
  for (const recipe of [...budget.rivals, ...budget.rabitq]) {
    const theirs = recallByName(set, recipe);
    const isBeaten = budget.isClaimed !== false && budget.rivals.includes(recipe);
    printFigure(BENCH, {
      system: recipe,
      metric: `${set.name}, ${name}, ${budget.bytes} bytes: recall@${K}`,
      unit: "",
      ours: recall,
      baseline: theirs,
      better: "more",
      ...(isBeaten ? { atLeast: 1.001 } : {}),
    });
  }
  return coder;
}

/** Codes find candidates that int8 codes score again, beside an index of floats. @param isClaimed whether little recall may be lost */
async function wholeIndex(set: BebrSet, coarse: RbeCoder, isClaimed: boolean): Promise<void> {
  const float = recallOf(set, parseCodec("f32").fit(set.rows));
  const fine = int8().fit(set.rows);
  const parts: Parts = new Map([
    [COARSE, coarse.encode(set.rows)],
    [FINE, fine.encode(set.rows)],
  ]);
  const { candidates } = RESCORED;
  using index = new FlatIndex({ coders: { coarse, fine }, rescoreFactor: 1, minRescore: candidates });
  await index.attach(memorySegment(1, contiguousRows(0, set.rows.rows), parts));
  let right = 0;
  let wanted = 0;
  for (let q = 0; q < set.queries.rows; q++) {
    const { rows } = await index.search(rowOf(set.queries, q), { k: K });
    for (const row of rows) if (set.truth[q]!.has(row)) right++;
    wanted += set.truth[q]!.size;
  }
  const held = [...parts.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const of = `${set.name}, ${coarse.id} + int8, best ${candidates}`;
  printFigure(BENCH, {
    system: "f32",
    metric: `${of}: recall@${K}`,
    unit: "",
    ours: right / wanted,
    baseline: float,
    better: "more",
    ...(isClaimed ? { least: float - RESCORED.lost } : {}),
  });
  printFigure(BENCH, {
    system: "f32",
    metric: `${of}: index`,
    unit: "MB",
    ours: held / 1e6,
    baseline: set.rows.data.byteLength / 1e6,
    better: "less",
    atLeast: 1 / RESCORED.share,
    note: `${(coarse.blockBytes * set.rows.rows) / 1e6} MB of it in RAM`,
  });
}

/** Two versions, the second trained to match the first, and one that was not. */
async function versions(set: BebrSet): Promise<void> {
  const shape = { bits: 2, width: 128 } as const;
  const old = await trained(set, { ...shape, version: "old" });
  const next = await trained(set, { ...shape, version: "new", seed: 2, steps: 150, compatibleWith: old });
  const stranger = await trained(set, { ...shape, version: "old", seed: 3 });
  const recall = (queries: RbeCoder, codes: RbeCoder): number =>
    recallOf(set, codes, (query) => queries.scorerOf(codes, query, "cosine"));
  const own = { old: recall(old, old), new: recall(next, next) };
  const report = (metric: string, ours: number, least?: number): void =>
    printFigure(BENCH, {
      metric: `${set.name}, ${metric}: recall@${K}`,
      unit: "",
      ours,
      better: "more",
      ...(least === undefined ? {} : { least }),
    });
  report("old queries, old codes", own.old);
  report("new queries, new codes", own.new);
  const least = Math.max(own.old, own.new) - VERSIONS.lost;
  report("new queries, old codes", recall(next, old), least);
  report("old queries, new codes", recall(old, next), least);
  report("queries of a version that was not trained to match, old codes", recall(stranger, old));
}

async function main(): Promise<void> {
  const part = switches.only === "validation" ? "validation" : "test";
  const only = part === "validation" ? "texts" : switches.only;
  const isAsked = (name: string): boolean => only === undefined || only === name;
  if (isAsked("speed")) await measureSpeed(BENCH);
  for (const name of SETS.filter((one) => isAsked(one) || (one === "plain" && isAsked("versions")))) {
    const set = await bebrSet(name, dataFolder(), switches.scale, part);
    const float = recallOf(set, parseCodec("f32").fit(set.rows));
    told(set, "f32", float, set.rows.cols * 4);
    if (isAsked(name)) {
      // claimed is an index of half the bytes of floats: with the longest codes of a set it is far below that
      for (const budget of BUDGETS[name])
        await wholeIndex(set, await equalBytes(set, budget), budget === BUDGETS[name].at(-1));
    }
    if (name === "plain" && isAsked("versions")) await versions(set);
  }
}

void main();
