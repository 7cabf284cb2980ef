/**
 * What do codecs, eviction and merging of KV caches cost in attention? Relative error of what heads give out on SynthKV, behind a compressed
 * prompt, beside the figures of the recipes' cards, which were measured on numbers of another generator and seed 0 alone: seeds differ by about 15%.
 * Switches: --scale N for the mean of N seeds, --only codecs, hidden or seen.
 */
import {
  type Allocator,
  acrossHeads,
  adjacentRuns,
  bipartite,
  classCentre,
  expectedAttention,
  type Guard,
  globalLocal,
  type HeadContext,
  int8PerToken,
  isLayerScorer,
  type KvSegment,
  keyNorm,
  type Merger,
  noMerging,
  perChannel,
  perToken,
  plainHead,
  type RowEncoder,
  rotatedNormal,
  type Scorer,
  type Selector,
  shareAcrossLayer,
  sinkRecent,
  topK,
  tova,
  uniform,
  weightSum,
  windowAttention,
} from "../src/cache/index.ts";
import { type AttentionError, attentionError } from "../src/eval/attention-error.ts";
import { type SynthKv, type SynthSetting, synthKv } from "../src/eval/synth-kv.ts";
import { printFigure, switches } from "./row.ts";

const SINKS = 4;
const WINDOW = 32;

function headsOf(data: SynthKv): HeadContext[] {
  const { prompt, dim } = data.options;
  const positions = Int32Array.from({ length: prompt }, (_, t) => t);
  return data.heads.map(({ keys, values, queries }, kvHead) => {
    const rows = (of: Float32Array): Float32Array => of.subarray(0, prompt * dim);
    const head = plainHead({
      segment: { dim, keys: rows(keys), values: rows(values), positions },
      queries: rows(queries),
      windowQueries: WINDOW,
      rotate: data.rotate,
      unrotate: data.unrotate,
      place: { layer: 0, kvHead, layers: 1, kvHeads: data.heads.length },
    });
    // sums over all queries are the slow part, and several recipes ask for them
    const sums = once(() => head.weightSums());
    return { ...head, weightSums: sums };
  });
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface Recipe {
  readonly name: string;
  readonly scorer?: Scorer;
  readonly allocator?: Allocator;
  readonly selector?: Selector;
  readonly merger?: Merger;
  readonly guard: (slots: number) => Guard;
  /** Error, and that of asking queries, by setting and budget as the cards have them. */
  readonly card?: Readonly<Record<string, readonly [number, number]>>;
}

const windowGuard = (): Guard => ({ sinks: SINKS, recent: WINDOW });

const RECIPES: readonly Recipe[] = [
  {
    name: "StreamingLLM",
    selector: sinkRecent(),
    guard: () => ({ sinks: SINKS, recent: 0 }),
    card: { "hidden 12.5%": [0.527, 0.755], "hidden 25%": [0.449, 0.703], "seen 25%": [0.456, 0.735] },
  },
  {
    name: "H2O",
    scorer: weightSum(),
    guard: (slots) => ({ sinks: 0, recent: Math.floor(slots / 2) }),
    card: { "hidden 12.5%": [0.461, 0.767], "hidden 25%": [0.369, 0.62], "seen 25%": [0.36, 0.597] },
  },
  {
    name: "SnapKV",
    scorer: windowAttention({ window: WINDOW }),
    guard: () => ({ sinks: 0, recent: WINDOW }),
    card: { "hidden 12.5%": [0.473, 0.695], "hidden 25%": [0.372, 0.574], "seen 25%": [0.301, 0.315] },
  },
  {
    name: "SnapKV across heads",
    scorer: windowAttention({ window: WINDOW }),
    allocator: acrossHeads(),
    guard: () => ({ sinks: 0, recent: WINDOW }),
  },
  {
    name: "TOVA",
    scorer: tova(),
    guard: () => ({ sinks: 0, recent: 0 }),
    card: { "hidden 25%": [0.321, 0.442] },
  },
  { name: "Expected attention", scorer: expectedAttention(), guard: windowGuard },
  { name: "key norm", scorer: keyNorm(), guard: windowGuard },
  {
    name: "KVMerger runs, no bias",
    scorer: weightSum(),
    merger: adjacentRuns({ bias: false, bestShare: 0 }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.391, 0.394], "hidden 25%": [0.321, 0.335] },
  },
  {
    name: "KVMerger runs, values x length",
    scorer: weightSum(),
    merger: adjacentRuns({ bias: false, bestShare: 0, scaledValues: true }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.816, 1.888] },
  },
  {
    name: "KVMerger runs, bias, best 2% protected",
    scorer: weightSum(),
    merger: adjacentRuns(),
    guard: windowGuard,
  },
  {
    name: "KVMerger runs, bias",
    scorer: weightSum(),
    merger: adjacentRuns({ bestShare: 0 }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.195, 0.239], "hidden 25%": [0.133, 0.184] },
  },
  {
    name: "Chelsea, no bias",
    merger: bipartite({ bias: false }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.435, 0.452], "hidden 25%": [0.368, 0.403] },
  },
  {
    name: "Chelsea, bias",
    merger: bipartite(),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.197, 0.241], "hidden 25%": [0.148, 0.205] },
  },
  {
    name: "EMS scores alone",
    scorer: globalLocal({ window: WINDOW }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.435, 0.744], "hidden 25%": [0.354, 0.689] },
  },
  {
    name: "EMS, no bias",
    scorer: globalLocal({ window: WINDOW }),
    merger: classCentre({ bias: "none" }),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.47, 0.773], "hidden 25%": [0.4, 0.72] },
  },
  {
    name: "EMS, bias",
    scorer: globalLocal({ window: WINDOW }),
    merger: classCentre(),
    guard: windowGuard,
    card: { "hidden 12.5%": [0.428, 0.746], "hidden 25%": [0.344, 0.681] },
  },
];

function compress(heads: readonly HeadContext[], recipe: Recipe, budget: number): KvSegment[] {
  const scores = heads.map((head) => {
    const out = new Float32Array(head.slots);
    recipe.scorer?.score(head, out);
    return out;
  });
  if (recipe.scorer && isLayerScorer(recipe.scorer)) shareAcrossLayer(scores);
  const guard = recipe.guard(budget);
  const shape = { layers: 1, kvHeads: heads.length, guard };
  const counts = (recipe.allocator ?? uniform()).split(scores, budget, shape);
  return heads.map((head, h) => {
    const keep = (recipe.selector ?? topK()).pick(scores[h]!, counts[h]!, guard);
    return (recipe.merger ?? noMerging()).fold(head.segment(), keep, scores[h]!);
  });
}

const BUDGETS = { "12.5%": 8, "25%": 4 } as const;

/** Names of settings, measured over seeds. */
type Errors = Map<
  string,
  { readonly errors: AttentionError[]; readonly card?: readonly [number, number?]; note?: string }
>;

function evictAndMerge(setting: SynthSetting, seed: number, measured: Errors): void {
  const data = synthKv({ setting, seed });
  const heads = headsOf(data);
  for (const recipe of RECIPES) {
    for (const [name, divisor] of Object.entries(BUDGETS)) {
      const kept = compress(heads, recipe, data.options.prompt / divisor);
      const card = recipe.card?.[`${setting} ${name}`];
      note(measured, `${recipe.name}, ${setting} ${name}`, attentionError(data, kept), card);
    }
  }
}

function note(
  measured: Errors,
  name: string,
  error: AttentionError,
  card?: readonly [number, number?],
  words?: string,
): void {
  const entry = measured.get(name) ?? {
    errors: [],
    ...(card ? { card } : {}),
    ...(words === undefined ? {} : { note: words }),
  };
  entry.errors.push(error);
  measured.set(name, entry);
}

function print(measured: Errors): void {
  for (const [name, { errors, card, note }] of measured) {
    const of = (metric: string, part: keyof AttentionError, baseline: number | undefined): void =>
      printFigure("synth-kv", {
        system: "card",
        metric,
        unit: "",
        ours: errors.reduce((sum, error) => sum + error[part], 0) / errors.length,
        better: "less",
        ...(baseline === undefined ? {} : { baseline }),
        ...(note === undefined ? {} : { note }),
      });
    of(`${name}: E`, "error", card?.[0]);
    of(`${name}: E needle`, "needle", card?.[1]);
  }
}

interface CodecPair {
  readonly name: string;
  readonly keys: (bits: number) => RowEncoder;
  readonly values: (bits: number) => RowEncoder;
  /** Tokens at the start that are kept exact. */
  readonly exact: number;
  /** E at 2, 3 and 4 bits. */
  readonly card?: readonly number[];
}

function codecsOf(data: SynthKv): CodecPair[] {
  const plain = (bits: number): RowEncoder => rotatedNormal({ bits, mean: "none" });
  const kivi = (group: number): Pick<CodecPair, "keys" | "values"> => ({
    keys: (bits: number) => perChannel({ bits, group }),
    values: (bits: number) => perToken({ bits, group }),
  });
  const minMax = (bits: number): RowEncoder => perToken({ bits });
  const before = (bits: number): RowEncoder => rotatedNormal({ bits, mean: "before", rotary: data });
  const pages = (bits: number): RowEncoder => rotatedNormal({ bits });
  return [
    { name: "per-token min-max g64", keys: minMax, values: minMax, exact: 0, card: [1.68, 0.93, 0.32] },
    { name: "KIVI g32", ...kivi(32), exact: 0, card: [0.197, 0.068, 0.026] },
    { name: "KIVI g32, sinks exact", ...kivi(32), exact: SINKS },
    { name: "KIVI g64", ...kivi(64), exact: 0 },
    { name: "KIVI g64, sinks exact", ...kivi(64), exact: SINKS },
    { name: "Lloyd-Max, sinks exact", keys: plain, values: plain, exact: SINKS, card: [0.63, 0.249, 0.095] },
    { name: "Lloyd-Max, mean before rotation", keys: before, values: plain, exact: 0 },
    {
      name: "Lloyd-Max, mean before rotation, sinks exact",
      keys: before,
      values: plain,
      exact: SINKS,
      card: [0.126, 0.056, 0.028],
    },
    { name: "Lloyd-Max, mean of a page, sinks exact", keys: pages, values: plain, exact: SINKS },
  ];
}

function encodeAll(
  data: SynthKv,
  keys: RowEncoder,
  values: RowEncoder,
  exact: number,
): { kept: KvSegment[]; bits: number } {
  const { prompt, dim, heads } = data.options;
  const positions = Int32Array.from({ length: prompt }, (_, t) => t);
  let bytes = 0;
  const kept = data.heads.map((head) => {
    const decode = (encoder: RowEncoder, all: Float32Array): Float32Array => {
      const rows = all.slice(0, prompt * dim);
      const tail = { dim, rows: rows.subarray(exact * dim), positions: positions.subarray(exact) };
      const coded = encoder.encode(tail);
      bytes += coded.bytes + exact * dim * 4;
      rows.set(coded.decode(), exact * dim);
      return rows;
    };
    return { dim, positions, keys: decode(keys, head.keys), values: decode(values, head.values) };
  });
  return { kept, bits: (bytes * 8) / (2 * heads * prompt * dim) };
}

function encode(seed: number, measured: Errors): void {
  const data = synthKv({ seed });
  for (const { name, keys, values, exact, card } of codecsOf(data)) {
    [2, 3, 4].forEach((bits, i) => {
      const reference = card?.[i];
      const coded = encodeAll(data, keys(bits), values(bits), exact);
      note(
        measured,
        `${name}, ${bits} bits`,
        attentionError(data, coded.kept),
        reference === undefined ? undefined : [reference],
        `${coded.bits.toFixed(2)} bits a value`,
      );
    });
  }
  const { kept, bits } = encodeAll(data, int8PerToken(), int8PerToken(), 0);
  note(measured, "int8 per token", attentionError(data, kept), undefined, `${bits.toFixed(2)} bits a value`);
}

const parts: Readonly<Record<string, (seed: number, measured: Errors) => void>> = {
  codecs: encode,
  hidden: (seed, measured) => evictAndMerge("hidden", seed, measured),
  seen: (seed, measured) => evictAndMerge("seen", seed, measured),
};
for (const [name, run] of Object.entries(parts)) {
  if (switches.only && switches.only !== name) continue;
  const measured: Errors = new Map();
  for (let seed = 0; seed < Math.max(1, switches.scale); seed++) run(seed, measured);
  print(measured);
}
