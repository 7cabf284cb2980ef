/** Data of the CRISP benchmark: made-up facets, and SciFact. Each with static token vectors, texts to train on, and judged queries. */
import { join } from "node:path";
import { StaticTokens } from "../src/embed/static-tokens.ts";
import type { MixerShape } from "../src/embed/token-mixer.ts";
import { readTestSet } from "../src/eval/beir.ts";
import type { Judgements } from "../src/eval/metrics.ts";
import { Facets } from "../src/eval/synth-facets.ts";
import type { TokenRole } from "../src/index/tokens/prune.ts";
import type { Matrix } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";
import type { TextBatch } from "../src/train/crisp.ts";

interface Training {
  readonly steps: number;
  readonly rate: number;
}

export interface CrispSet {
  readonly shape: MixerShape;
  /** What surroundings weigh before training. */
  readonly share: number;
  /** Of the model that all begin with, and of each that goes on from there. */
  readonly training: { readonly first: Training; readonly further: Training };
  readonly places: { readonly query: number; readonly document: number };
  readonly tokens: (text: string, role: TokenRole) => Matrix;
  readonly documents: readonly string[];
  readonly queries: readonly { readonly text: string; readonly judged: Judgements }[];
  readonly texts: (step: number) => TextBatch;
}

/** Two layers: sentences end where the first one sees them end. */
const SHAPE: MixerShape = { inputs: 64, width: 128, layers: 2, heads: 4, outputs: 128 };
/** Of real texts, of which there are few to train on. */
const SMALL: MixerShape = { inputs: 64, width: 64, layers: 1, heads: 4, outputs: 64 };
/** Families of a step: all their documents, and a query about each. */
const FAMILIES = 5;
const DOCUMENTS = 600;
const QUERIES = 1000;

export function facetsSet(seed: number): CrispSet {
  const facets = new Facets({ documents: DOCUMENTS, seed, dim: SHAPE.inputs });
  return {
    shape: SHAPE,
    share: 2,
    training: { first: { steps: 800, rate: 1e-3 }, further: { steps: 1400, rate: 3e-4 } },
    places: { query: 48, document: 160 },
    tokens: (text) => facets.tokens(text),
    documents: facets.documents,
    queries: facets.queries(QUERIES, 2),
    texts: (step) => {
      // queries are made as they are needed, by other seeds than the test's
      const random = new Random(seed * 65_537 + 1000 + step);
      const ids = random.sample(facets.families, FAMILIES).flatMap((family) => facets.family(family));
      const asked = ids.map((id) => facets.query(id, random));
      const answersOf = (judged: Judgements): number[] =>
        ids.flatMap((id, i) => (judged.has(String(id)) ? [i] : []));
      return {
        queries: asked.map(({ text }) => text),
        documents: ids.map((id) => facets.documents[id]!),
        answers: asked.map(({ judged }) => answersOf(judged)),
      };
    },
  };
}

/** Pairs of a step. */
const PAIRS = 16;
const CLAIM_EVERY = 4;

/** SciFact (Wadden et al., 2020): titles against their abstracts, and training claims against their evidence; test claims are asked. */
export async function scifactSet(data: string, seed: number): Promise<CrispSet> {
  const folder = join(data, "retrieval/scifact");
  const paths = { corpus: join(folder, "corpus.jsonl.gz"), queries: join(folder, "queries.jsonl.gz") };
  const test = await readTestSet({ ...paths, qrels: join(folder, "qrels-test.tsv") });
  const claims = (await readTestSet({ ...paths, qrels: join(folder, "qrels-train.tsv") })).queries;
  const statics = await StaticTokens.load({ dim: 64 });
  const places = { query: 40, document: 96 };
  const text = ({ title, text }: { title: string; text: string }): string => `${title} ${text}`;
  const number = new Map(test.documents.map(({ id }, i) => [id, i]));
  return {
    shape: SMALL,
    share: 0.3,
    training: { first: { steps: 100, rate: 1e-3 }, further: { steps: 200, rate: 1e-3 } },
    places,
    tokens: (asked, role) => statics.vectors(asked, places[role]),
    documents: test.documents.map(text),
    queries: test.queries.map(({ text, judged }) => ({
      text,
      judged: new Map([...judged].map(([id, grade]) => [String(number.get(id)), grade])),
    })),
    texts: (step) => {
      const random = new Random(seed * 65_537 + step);
      const some = random.sample(test.documents.length, PAIRS).map((i) => test.documents[i]!);
      const pairs = some.map((document, i) => {
        if (i % CLAIM_EVERY > 0) return { query: document.title, document: document.text };
        const claim = claims[random.integer(claims.length)]!;
        const evidence = test.documents[number.get([...claim.judged.keys()][0]!)!]!;
        return { query: claim.text, document: text(evidence) };
      });
      return { queries: pairs.map(({ query }) => query), documents: pairs.map(({ document }) => document) };
    },
  };
}
