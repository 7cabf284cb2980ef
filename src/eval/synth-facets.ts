/**
 * Made-up texts in which single vectors blur: a document is a few sentences, each about a pair of an entity and a facet, both named by
 * synonyms and mixed with filler words; its relatives have the same entities and the same facets, paired otherwise. A query names one to three
 * pairs of a document by other synonyms. Words have vectors in which synonyms are alike, as words of pretrained tables are. This project's own.
 */
import { type Matrix, matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import type { Judgements } from "./metrics.ts";

export interface FacetsOptions {
  /** Documents; relatives come in families of `family`. */
  readonly documents: number;
  readonly seed?: number;
  readonly family?: number;
  /** Values of a word's vector. */
  readonly dim?: number;
}

export const facetsDefaults = { seed: 1, family: 6, dim: 64 } as const;

export interface FacetQuery {
  readonly text: string;
  /** The document that it was made from. */
  readonly document: number;
  /** Documents that hold all of its pairs, by number. */
  readonly judged: Judgements;
}

const TOPICS = 500;
const CONCEPTS = 8;
const SYNONYMS = 5;
/** Words without a meaning of their own. */
const FILLERS = 400;
/** What every query begins with: eight words. */
const INSTRUCTION = Array.from({ length: 8 }, (_, i) => `i${i}`);
const STOP = "stop";

interface Pair {
  readonly entity: number;
  readonly facet: number;
}

export class Facets {
  readonly documents: readonly string[];
  readonly dim: number;
  readonly #pairs: readonly (readonly Pair[])[];
  readonly #family: number;
  readonly #seed: number;
  readonly #vectors = new Map<string, Float32Array>();

  constructor(options: FacetsOptions) {
    const { documents, seed = facetsDefaults.seed, family = facetsDefaults.family } = options;
    this.dim = options.dim ?? facetsDefaults.dim;
    this.#family = family;
    this.#seed = seed;
    const random = new Random(seed);
    let [entities, facets] = [[] as number[], [] as number[]];
    this.#pairs = Array.from({ length: documents }, (_, d) => {
      const count = d % family === 0 ? 3 + random.integer(6) : entities.length;
      if (d % family === 0) [entities, facets] = [concepts(count, random), concepts(count, random)];
      return paired(entities, random.shuffle([...facets]), random);
    });
    this.documents = this.#pairs.map((own) =>
      own.map((pair) => sentence(pair, 16, random)).join(` ${STOP} `),
    );
  }

  /** Queries by a seed of their own. */
  queries(count: number, seed: number): FacetQuery[] {
    const random = new Random(this.#seed * 7919 + seed);
    return Array.from({ length: count }, () => this.query(random.integer(this.documents.length), random));
  }

  /** Numbers of the documents of a family. */
  family(number: number): number[] {
    const first = number * this.#family;
    return Array.from({ length: Math.min(this.#family, this.documents.length - first) }, (_, i) => first + i);
  }

  /** How many families there are. */
  get families(): number {
    return Math.ceil(this.documents.length / this.#family);
  }

  /** Vectors of a text's words. @returns n x dim */
  tokens(text: string): Matrix {
    const words = text.split(" ");
    const out = matrix(words.length, this.dim);
    words.forEach((word, i) => out.data.set(this.#vectorOf(word), i * this.dim));
    return out;
  }

  /** A query about one to three pairs of a document. */
  query(document: number, random: Random): FacetQuery {
    const own = this.#pairs[document]!;
    const asked = random.sample(own.length, 1 + random.integer(Math.min(3, own.length))).map((i) => own[i]!);
    const text = [...INSTRUCTION, ...asked.map((pair) => sentence(pair, 11, random))].join(" ");
    const answers = (d: number): boolean =>
      asked.every((pair) => this.#pairs[d]!.some((other) => isSame(other, pair)));
    const relatives = this.family(Math.floor(document / this.#family)).filter(answers);
    return { text, document, judged: new Map(relatives.map((d) => [String(d), 1])) };
  }

  #vectorOf(word: string): Float32Array {
    let vector = this.#vectors.get(word);
    if (!vector) {
      vector = wordVector(word, this.dim, this.#seed);
      this.#vectors.set(word, vector);
    }
    return vector;
  }
}

const isSame = (a: Pair, b: Pair): boolean => a.entity === b.entity && a.facet === b.facet;

function concepts(count: number, random: Random): number[] {
  return random.shuffle(random.sample(TOPICS * CONCEPTS, count));
}

/** Entity i with facet i, in any order. */
function paired(entities: readonly number[], facets: readonly number[], random: Random): Pair[] {
  return random.shuffle(entities.map((entity, i) => ({ entity, facet: facets[i]! })));
}

/** About `words` words: two fifths filler, the others synonyms of entity and facet by turns, in any order. */
function sentence({ entity, facet }: Pair, words: number, random: Random): string {
  const count = words - 1 + random.integer(3);
  const fillers = Math.round(count * 0.4);
  const all = Array.from({ length: count }, (_, i) => {
    if (i < fillers) return `f${random.integer(FILLERS)}`;
    return `w${i % 2 === 0 ? entity : facet}.${random.integer(SYNONYMS)}`;
  });
  return random.shuffle(all).join(" ");
}

/** Topic, concept and the word's own: synonyms have a cosine of about 0.7, words of one topic of 0.2. Fillers are short. */
function wordVector(word: string, dim: number, seed: number): Float32Array {
  const [concept] = word.slice(1).split(".");
  const isConcept = word.startsWith("w");
  const parts: [string, number][] = isConcept
    ? [
        [`topic ${Math.floor(Number(concept) / CONCEPTS)}`, 0.2],
        [`concept ${concept}`, 0.5],
        [word, 0.3],
      ]
    : [[word, 0.35]];
  const vector = new Float32Array(dim);
  for (const [name, share] of parts) {
    const random = new Random(hashOf(name) ^ Math.imul(seed, 0x9e3779b1));
    for (let i = 0; i < dim; i++) vector[i]! += Math.sqrt(share / dim) * random.gaussian();
  }
  return vector;
}

function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
