/**
 * What the graphs of segments have in common, whatever codes they walk over: parts whose rows are the segment's ordinals, and how long a list
 * is for a wanted recall, measured when they were built. None keeps rows to score again with, since the segment's fine codes decide.
 */

import { asU32 } from "../../../bytes.ts";
import type { Metric } from "../../../codecs/codec.ts";
import { throwIfAborted } from "../../../errors.ts";
import { standAside } from "../../../stand-aside.ts";
import type { Hits } from "../../hits.ts";
import { ordinalOf, type Parts, rowAt, type SegmentSource } from "../../segment.ts";
import { type Finder, type FindOptions, usualRecall } from "../finder.ts";
import { fineSource } from "../fine-source.ts";
import { decodeTable, effortFor, encodeTable, type RecallTable, recallAt } from "../recall-table.ts";
import type { RowSource } from "../row-source.ts";
import { measureRecall, sampleQueries } from "../sample-queries.ts";
import type { VectorCoders } from "../vectors-kind.ts";
import { type GraphSearchOptions, ROOM } from "./options.ts";

const RECALL = "recall";
/** Efforts tried are so much apart. */
const STEP = 1.25;
/** Of the rows that a walk met, those that the fine codes decide on, by the hits wanted: each is read from a page of its own. */
const NAMED = { least: 200, times: 4 } as const;
/** Hits that a recall table goes up to. */
const MOST_TOLD = 100;

export interface BuildIndexOptions {
  readonly metric: Metric;
  /** The longest list with which a walk is worth it. Where the usual recall takes a longer one, the table that says so is all that is kept. */
  readonly mostEffort?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBuilt?: (rows: number) => void;
}

/** A graph that names rows by its codes alone. */
export interface Walked extends Disposable {
  search(query: Float32Array, options: GraphSearchOptions): Hits;
  memory(): readonly { readonly name: string; readonly bytes: number }[];
}

/** A kind of such graphs. */
export interface WalkedKind {
  /** Of its parts, under their space's prefix. */
  readonly prefix: string;
  /** Parts that are kept, `shape` and `rows` among them. */
  readonly parts: readonly string[];
  /** Parts of a graph whose rows are called by their ordinals. @throws MnemeError CANCELLED */
  build(source: RowSource, options: BuildIndexOptions): Promise<Parts>;
  /** @throws MnemeError CORRUPT, VERSION */
  restore(parts: Parts): Walked;
}

/** @param fine codes of all rows, borrowed. @throws MnemeError CANCELLED */
export async function buildWalked(
  { prefix, parts: kept, build, restore }: WalkedKind,
  fine: Uint8Array,
  coders: VectorCoders,
  options: BuildIndexOptions,
): Promise<Parts> {
  const { metric, signal } = options;
  const source = fineSource(fine, coders);
  const all = await build(source, options);
  throwIfAborted(signal, "graph");
  const sample = await sampleQueries(source, fine, coders, metric);
  using graph = restore(all);
  const table = await measureRecall(sample, effortsFor(source.rows), (query, effort) => {
    throwIfAborted(signal, "graph");
    standAside();
    return graph.search(query, { k: named(MOST_TOLD, effort), effort }).rows;
  });
  const parts: Parts = new Map();
  const { mostEffort } = options;
  if (mostEffort === undefined || (usualEffort(table) ?? Number.POSITIVE_INFINITY) <= mostEffort)
    for (const name of kept) parts.set(prefix + name, all.get(name)!);
  return parts.set(prefix + RECALL, encodeTable(table));
}

/** What reaches the usual recall at 10 on the sample; undefined: nothing does. */
const usualEffort = (table: RecallTable): number | undefined => effortFor(table, 10, usualRecall);

const named = (k: number, effort: number): number => Math.min(effort, Math.max(NAMED.least, NAMED.times * k));

function effortsFor(rows: number): number[] {
  const efforts: number[] = [];
  const most = Math.min(ROOM, rows);
  for (let effort = 10; effort < most; effort = Math.ceil(effort * STEP)) efforts.push(effort);
  return [...efforts, most];
}

/** @throws MnemeError CORRUPT, VERSION: the parts are no graph of this segment */
export async function openWalked(
  { prefix, parts: kept, restore }: WalkedKind,
  source: SegmentSource,
): Promise<Finder> {
  const names = [...kept, RECALL].map((name) => prefix + name);
  const bytes = await source.read(names.map((part) => ({ part, start: 0, end: source.size(part) })));
  const table = decodeTable(bytes.pop()!, prefix + RECALL);
  const parts: Parts = new Map(kept.map((name, i) => [name, bytes[i]!]));
  const ordinals = asU32(parts.get("rows")!);
  if (ordinals.length !== source.rows.count || ordinals.some((ordinal) => ordinal >= source.rows.count))
    parts.delete("rows"); // of another segment: refused as missing
  else parts.set("rows", namesOf(ordinals, source));
  return new WalkedSegment(restore(parts), source, table);
}

/** What filters know the rows by, in the graph's order. */
function namesOf(ordinals: Uint32Array, { rows }: SegmentSource): Uint8Array {
  const names = ordinals.map((ordinal) => rowAt(rows, ordinal));
  return new Uint8Array(names.buffer, names.byteOffset, names.byteLength);
}

class WalkedSegment implements Finder {
  readonly #graph: Walked;
  readonly #source: SegmentSource;
  readonly #table: RecallTable;

  constructor(graph: Walked, source: SegmentSource, table: RecallTable) {
    this.#graph = graph;
    this.#source = source;
    this.#table = table;
  }

  find(query: Float32Array, { k, recall, filter, matching }: FindOptions): Uint32Array | undefined {
    const effort = this.#effort(k, recall);
    if (effort === undefined) return undefined;
    const { rows } = this.#graph.search(query, {
      k: named(k, effort),
      effort,
      matching,
      filter,
    });
    return rows.map((row) => ordinalOf(this.#source.rows, row));
  }

  expected({ k, recall }: Pick<FindOptions, "k" | "recall">, best: number): number {
    const effort = this.#effort(k, recall);
    return effort === undefined ? 1 : recallAt(this.#table, best, effort);
  }

  memory(): readonly { name: string; bytes: number }[] {
    return this.#graph.memory();
  }

  [Symbol.dispose](): void {
    this.#graph[Symbol.dispose]();
  }

  /** Without a wish what reaches the usual recall, and no less than half again the hits. */
  #effort(k: number, recall: number | undefined): number | undefined {
    if (recall === undefined) return Math.max(Math.ceil(1.5 * k), usualEffort(this.#table) ?? ROOM);
    const effort = effortFor(this.#table, k, recall);
    return effort === undefined || effort > ROOM ? undefined : Math.max(k, effort);
  }
}
