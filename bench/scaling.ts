/**
 * How does retrieval improve with the size of the store, and what does it cost to know? One deep retrieval, thinned by coins, beside a store
 * rebuilt for each size: the same lists, and how long both take. Then what the same bytes hold by other codecs, and what documents that
 * hold the question would feign. Judged sets among passages of the corpus; --scale N for N times 10,000 of those, --only a set's name.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parseCodec } from "../src/codecs/index.ts";
import { bundledEmbedder } from "../src/embed/bundled.ts";
import type { Embedder } from "../src/embed/embedder.ts";
import {
  type CodedStoreInput,
  codedStore,
  curves,
  type Datastore,
  datastoreScaling,
  depthFor,
  documentCoin,
  type Found,
  readTestSet,
  type Scaling,
  type ScalingQuery,
  scalingDefaults,
  someRows,
} from "../src/eval/index.ts";
import { matrix } from "../src/linalg/matrix.ts";
import { embedAll, passagesOf, readCorpus } from "./library-data.ts";
import { dataFolder, printFigure, repository, switches } from "./row.ts";

const SETS = { cranfield: "qrels.tsv", "npl-vaswani": "qrels.tsv", scifact: "qrels-test.tsv" } as const;
const DISTRACTORS = 10_000;
const K = 10;
const CODECS = ["int8", "rabitq4", "rabitq1"] as const;
/** Share of the documents that the bytes would hold as f32. */
const BUDGETS = [1 / 16, 1 / 4] as const;
/** Where the 95% intervals must lie apart. */
const APART = [0.01, 0.1, 1] as const;
const CLAIM = { faster: 10, points: 0.05 } as const;
const { fractions: FRACTIONS, seeds: SEEDS } = scalingDefaults;

interface Set extends Pick<CodedStoreInput, "ids" | "documentOf" | "vectors"> {
  readonly queries: readonly ScalingQuery[];
  readonly texts: ReadonlyMap<string, string>;
  readonly embed: (query: string) => Promise<Float32Array>;
  /** Of all documents, one thread. */
  readonly embedSeconds: number;
}

type Text = readonly [id: string, text: string];

async function setOf(
  embedder: Embedder,
  documents: readonly Text[],
  queries: readonly ScalingQuery[],
): Promise<Set> {
  const started = performance.now();
  const data = await embedAll(
    embedder,
    documents.map(([, text]) => text),
  );
  const embedSeconds = (performance.now() - started) / 1000;
  const asked = new Map<string, Float32Array>();
  for (const { text } of queries) asked.set(text, (await embedder.embed([text], { role: "query" })).data);
  return {
    ids: documents.map(([id]) => id),
    documentOf: Uint32Array.from(documents.keys()),
    vectors: matrix(documents.length, embedder.space.dim, data),
    queries,
    texts: new Map(documents),
    embed: async (query) => asked.get(query)!,
    embedSeconds,
  };
}

async function judgedSet(
  name: keyof typeof SETS,
  embedder: Embedder,
  distractors: readonly Text[],
): Promise<Set> {
  const folder = join(dataFolder(), "retrieval", name);
  const { documents, queries } = await readTestSet({
    corpus: join(folder, "corpus.jsonl.gz"),
    queries: join(folder, "queries.jsonl.gz"),
    qrels: join(folder, SETS[name]),
  });
  const texts = documents.map(({ id, title, text }): Text => [id, `${title}\n\n${text}`.trim() || "-"]);
  return setOf(embedder, [...texts, ...distractors], queries);
}

/** Paragraphs, questions and answers of XQuAD, the English ones. */
async function answeredSet(embedder: Embedder, distractors: readonly Text[], planted: boolean): Promise<Set> {
  const file = join(dataFolder(), "rag/xquad-en/xquad.en.json.gz");
  const { data } = JSON.parse(gunzipSync(readFileSync(file)).toString("utf8")) as {
    data: {
      paragraphs: { context: string; qas: { id: string; question: string; answers: { text: string }[] }[] }[];
    }[];
  };
  const paragraphs = data.flatMap((article) => article.paragraphs);
  const queries = paragraphs
    .flatMap(({ qas }) => qas)
    .map(({ id, question, answers }) => ({ id, text: question, answers: answers.map(({ text }) => text) }));
  const texts = paragraphs.map(({ context }, i): Text => [`paragraph-${i}`, context]);
  const leaks = queries
    .slice(0, planted ? queries.length / 4 : 0)
    .map(({ id, text, answers }): Text => [`leak-${id}`, `${text}\n${answers.join("\n")}`]);
  return setOf(embedder, [...texts, ...leaks, ...distractors], queries);
}

function storeOf(set: Set, codec: string): Datastore {
  const coder = parseCodec(codec).fit(set.vectors, { seed: 1 });
  return codedStore({ ...set, coder, text: async ({ id }) => set.texts.get(id) });
}

/** Lists of k ids for each query, in a store rebuilt for each size and seed. */
async function rebuilt(
  set: Set,
): Promise<{ lists: Map<string, string[]>; seconds: number; embedded: number }> {
  const lists = new Map<string, string[]>();
  let embedded = 0;
  const started = performance.now();
  for (const fraction of FRACTIONS)
    for (const seed of SEEDS) {
      const some = someRows(set, (id) => documentCoin(id, seed) < fraction);
      embedded += some.ids.length;
      const store = codedStore({ ...set, ...some, coder: parseCodec("f32").fit(some.vectors) });
      for (const { id, text } of set.queries)
        lists.set(`${fraction} ${seed} ${id}`, idsOf(await store.retrieve(text, K)));
    }
  return { lists, seconds: (performance.now() - started) / 1000, embedded };
}

async function thinned(set: Set): Promise<{ lists: Map<string, string[]>; seconds: number }> {
  const lists = new Map<string, string[]>();
  const started = performance.now();
  const store = storeOf(set, "f32");
  const depth = Math.min(set.ids.length, depthFor(FRACTIONS[0], K));
  for (const { id, text } of set.queries) {
    const list = await store.retrieve(text, depth);
    for (const seed of SEEDS) {
      const coins = list.map((found) => documentCoin(found.id, seed));
      for (const fraction of FRACTIONS) {
        const ids: string[] = [];
        for (let i = 0; i < list.length && ids.length < K; i++)
          if (coins[i]! < fraction) ids.push(list[i]!.id);
        lists.set(`${fraction} ${seed} ${id}`, ids);
      }
    }
  }
  return { lists, seconds: (performance.now() - started) / 1000 };
}

const idsOf = (found: readonly Found[]): string[] => found.map(({ id }) => id);

async function compare(name: string, set: Set): Promise<void> {
  const [slow, fast] = [await rebuilt(set), await thinned(set)];
  let different = 0;
  for (const [key, ids] of slow.lists) if (fast.lists.get(key)!.join() !== ids.join()) different++;
  const common = { unit: "", better: "less" } as const;
  printFigure("scaling", {
    ...common,
    metric: `${name}: lists unlike the rebuilt store's`,
    ours: different,
    atMost: 0,
    note: `${slow.lists.size} lists of ${K}`,
  });
  const perDocument = set.embedSeconds / set.ids.length;
  const time = { ...common, system: "rebuilt", unit: "s" } as const;
  printFigure("scaling", {
    ...time,
    metric: `${name}: build, embed, retrieve`,
    ours: fast.seconds + set.embedSeconds,
    baseline: slow.seconds + slow.embedded * perDocument,
    atLeast: CLAIM.faster,
    note: `${set.ids.length} documents; the rebuilt stores together are ${(slow.embedded / set.ids.length).toFixed(1)} times as large, which bounds the ratio`,
  });
  printFigure("scaling", {
    ...time,
    metric: `${name}: retrieve`,
    ours: fast.seconds,
    baseline: slow.seconds,
  });
}

const study = (set: Set, codec: string, options = {}): Promise<Scaling> =>
  datastoreScaling(storeOf(set, codec), set.queries, { k: K, ...options });

async function grow(name: string, set: Set): Promise<Scaling> {
  const result = await study(set, "f32");
  for (const { fraction, documents, metrics } of result.points)
    for (const metric of ["ndcg", "recall", "found"] as const) {
      const figure = metrics[metric];
      if (!figure) continue;
      const bounds = figure.interval.map((bound) => bound.toFixed(3)).join(" to ");
      printFigure("scaling", {
        metric: `${name}: ${metric} at ${fraction}`,
        unit: "",
        better: "more",
        ours: figure.mean,
        note: `${Math.round(documents)} documents, ${bounds}`,
      });
    }
  const metric = result.fits.ndcg ? "ndcg" : "found";
  const apart = APART.map((p) => result.points.find(({ fraction }) => fraction === p)!.metrics[metric]!);
  const gaps = apart.slice(1).map(({ interval }, i) => interval[0] - apart[i]!.interval[1]);
  const note = `at ${APART.join(", ")}; R2 of the line ${result.fits[metric]!.r2.toFixed(3)}`;
  printFigure("scaling", {
    metric: `${name}: ${metric}, least gap of intervals`,
    unit: "",
    better: "more",
    ours: Math.min(...gaps),
    least: 0,
    note,
  });
  return result;
}

/** Every codec with the bytes that f32 has for a share of the documents. */
async function sameBytes(name: string, set: Set): Promise<void> {
  const strideOf = (codec: string): number => parseCodec(codec).fit(set.vectors, { seed: 1 }).blockBytes!;
  for (const share of BUDGETS) {
    const at = async (codec: string): Promise<number> => {
      const fraction = Math.min(1, (share * strideOf("f32")) / strideOf(codec));
      const { points } = await study(set, codec, { fractions: [fraction / 2, fraction] });
      return points[1]!.metrics.recall!.mean;
    };
    const baseline = await at("f32");
    for (const codec of CODECS) {
      const note = `${(share * 100).toFixed(0)}% of the documents as f32`;
      const ours = await at(codec);
      const claimed = codec === "rabitq1" && share === BUDGETS[0] ? { least: baseline + CLAIM.points } : {};
      printFigure("scaling", {
        system: "f32",
        metric: `${name}: recall@${K}, ${codec}, same bytes`,
        unit: "",
        better: "more",
        ours,
        baseline,
        note,
        ...claimed,
      });
    }
  }
}

async function contamination(embedder: Embedder, distractors: readonly Text[]): Promise<void> {
  const clean = await answeredSet(embedder, distractors, false);
  const planted = await answeredSet(embedder, distractors, true);
  await grow("xquad", clean);
  const found = async (set: Set, options: object): Promise<Scaling["points"][number]> =>
    (await study(set, "f32", { fractions: [0.5, 1], ...options })).points[1]!;
  const [truth, feigned, filtered] = [
    await found(clean, {}),
    await found(planted, { filter: false }),
    await found(planted, {}),
  ];
  const baseline = truth.metrics.found!.mean;
  const common = { system: "clean store", unit: "", better: "more", baseline } as const;
  printFigure("scaling", {
    ...common,
    metric: "xquad: answer found, leaks, no filter",
    ours: feigned.metrics.found!.mean,
    least: baseline + 0.02,
    note: "a quarter of the questions stand in the store with their answers",
  });
  const [low, high] = truth.metrics.found!.interval;
  printFigure("scaling", {
    ...common,
    metric: "xquad: answer found, leaks, filtered",
    ours: filtered.metrics.found!.mean,
    least: low,
    atMost: high,
    note: `${filtered.leftOut.contaminated + filtered.leftOut.short} documents left out`,
  });
}

function distractorsOf(): Text[] {
  const passages = readCorpus(dataFolder()).flatMap(passagesOf);
  const step = Math.max(1, Math.floor(passages.length / (DISTRACTORS * switches.scale)));
  return passages
    .filter((_, i) => i % step === 0)
    .slice(0, DISTRACTORS * switches.scale)
    .map(({ id, text }): Text => [`corpus/${id}`, text]);
}

async function main(): Promise<void> {
  const embedder = await bundledEmbedder({ dim: 256 });
  const distractors = distractorsOf();
  const drawn: { label: string; points: { x: number; y: number }[] }[] = [];
  for (const name of Object.keys(SETS) as (keyof typeof SETS)[]) {
    if (switches.only && switches.only !== name) continue;
    const set = await judgedSet(name, embedder, distractors);
    await compare(name, set);
    const { points } = await grow(name, set);
    drawn.push({
      label: name,
      points: points.map(({ documents: x, metrics }) => ({ x, y: metrics.ndcg!.mean })),
    });
    await sameBytes(name, set);
  }
  if (!switches.only || switches.only === "xquad") await contamination(embedder, distractors);
  if (drawn.length === 0) return;
  mkdirSync(join(repository, "bench/results"), { recursive: true });
  const path = join(repository, "bench/results/scaling.svg");
  writeFileSync(path, curves("nDCG@10 by the size of the store", "documents", "nDCG@10", 0, drawn));
  console.error(`bench: wrote ${path}`);
}

void main();
