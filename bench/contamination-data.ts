/**
 * Data of the contamination benchmark: examples (claims of SciFact, paragraphs of XQuAD) of which a seeded half is planted into documents of the
 * corpus: a known share of each, from its start, middle or end, at the start, the end or somewhere within a document; and near copies.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Random } from "../src/linalg/random.ts";
import { dataFolder } from "./row.ts";

/** UTF-16 units of a window. */
export const WIDTH = 50;
/** Letters of a window that are others in a near copy. */
export const OTHERS = 3;
/** A shorter example has hardly a window. */
const LEAST = 90;
const MOST = 600;
/** Words. */
const RUN = 4;
const SHARES = [0.2, 0.4, 0.6, 0.8, 1] as const;

export interface Example {
  readonly text: string;
  /** "none": not planted. */
  readonly kind: "none" | "exact" | "near";
  /** Units of the text that were planted; empty where none were. */
  readonly start: number;
  readonly end: number;
}

export interface Planted {
  readonly examples: readonly Example[];
  readonly documents: readonly string[];
  readonly bytes: number;
}

function json(...path: string[]): string {
  return gunzipSync(readFileSync(join(dataFolder(), ...path))).toString("utf8");
}

const lines = (...path: string[]): { text: string }[] =>
  json(...path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { text: string });

function exampleTexts(): string[] {
  const xquad = JSON.parse(json("rag", "xquad-en", "xquad.en.json.gz")) as {
    data: { paragraphs: { context: string }[] }[];
  };
  const paragraphs = xquad.data.flatMap(({ paragraphs }) => paragraphs.map(({ context }) => context));
  const claims = lines("retrieval", "scifact", "queries.jsonl.gz").map(({ text }) => text);
  return apart(
    [...claims, ...paragraphs].filter(({ length }) => length >= LEAST).map((text) => text.slice(0, MOST)),
  );
}

/** Those that share no run of words with one before: some claims come twice but for a word, and what is planted of one is in the other. */
function apart(texts: readonly string[]): string[] {
  const seen = new Set<string>();
  return texts.filter((text) => {
    const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const runs = words.slice(RUN - 1).map((_, i) => words.slice(i, i + RUN).join(" "));
    const isNew = !runs.some((run) => seen.has(run));
    for (const run of runs) seen.add(run);
    return isNew;
  });
}

function corpus(mostBytes: number): string[] {
  const documents: string[] = [];
  let bytes = 0;
  const folder = join(dataFolder(), "corpus");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".jsonl.gz")))
    for (const { text } of lines("corpus", file)) {
      if (bytes >= mostBytes) return documents;
      documents.push(text);
      bytes += Buffer.byteLength(text);
    }
  return documents;
}

/** @param mostBytes of the corpus before anything is planted */
export function plant(mostBytes: number, seed = 57): Planted {
  const random = new Random(seed);
  const documents = corpus(mostBytes);
  const into: Insertion[][] = documents.map(() => []);
  const examples = exampleTexts().map((text, i): Example => {
    if (i % 2 === 0) return { text, kind: "none", start: 0, end: 0 };
    const isNear = i % 4 === 3;
    const length = isNear ? text.length : Math.round(SHARES[(i >> 2) % SHARES.length]! * text.length);
    const start = [0, Math.floor((text.length - length) / 2), text.length - length][random.integer(3)]!;
    const stretch = text.slice(start, start + length);
    const number = random.integer(documents.length);
    const at = placeIn(documents[number]!, random);
    into[number]!.push({ at, stretch: isNear ? altered(stretch, random) : stretch });
    return { text, kind: isNear ? "near" : "exact", start, end: start + length };
  });
  const planted = documents.map((document, i) => withAll(document, into[i]!));
  const bytes = planted.reduce((sum, document) => sum + Buffer.byteLength(document), 0);
  return { examples, documents: planted, bytes };
}

interface Insertion {
  readonly at: number;
  readonly stretch: string;
}

/** The start of a document, its end, or before a word. */
function placeIn(document: string, random: Random): number {
  const where = random.integer(3);
  if (where < 2) return where * document.length;
  return Math.max(0, document.indexOf(" ", random.integer(document.length + 1)));
}

/** From the last place to the first, so that none is parted by another. */
function withAll(document: string, insertions: readonly Insertion[]): string {
  return insertions
    .toSorted((a, b) => b.at - a.at)
    .reduce((text, { at, stretch }) => `${text.slice(0, at)} ${stretch} ${text.slice(at)}`, document);
}

/** Other letters, so far from each other that no window holds more than OTHERS of them. */
function altered(text: string, random: Random): string {
  const letters = text.split("");
  const apart = Math.ceil(WIDTH / OTHERS);
  for (let at = random.integer(apart); at < letters.length; at += apart + random.integer(6))
    letters[at] = letters[at] === "q" ? "z" : "q";
  return letters.join("");
}
