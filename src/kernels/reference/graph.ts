/**
 * The plain twin of kernels/graph.ts: sorted arrays and sets in place of lists and bitmaps. Between rows it computes with the same whole
 * numbers and f32 products, so links come out the same; queries it takes as they are, where the kernels round them to 16 bits.
 */
import type { GraphSearch, GraphView } from "../graph.ts";
import { coarseStride, fineStride, type GraphShape, graphWidth, NO_ROW } from "../graph-record.ts";

interface Entry {
  readonly row: number;
  readonly key: number;
}

/** Larger keys first, of equals the lower row. */
const order = (a: Entry, b: Entry): number => b.key - a.key || a.row - b.row;
const { fround } = Math;

export class ReferenceGraph {
  readonly shape: GraphShape;
  readonly #view: GraphView;
  readonly #codes: DataView;
  readonly #stride: number;
  /** Links by row, changed by `link` and `bridge`. */
  readonly links: number[][];

  /** @param view of a graph: codes are read from it, links and entries copied */
  constructor(shape: GraphShape, view: GraphView) {
    this.shape = shape;
    this.#view = view;
    this.#stride = coarseStride(shape.dims, shape.coarseBits);
    const { coarse, links } = view;
    this.#codes = new DataView(coarse.buffer, coarse.byteOffset, coarse.byteLength);
    this.links = Array.from({ length: links.length / shape.degree }, (_, row) =>
      [...links.subarray(row * shape.degree, (row + 1) * shape.degree)].filter((link) => link !== NO_ROW),
    );
  }

  /** Levels of a row's coarse code. */
  #code(row: number): number[] {
    const { dims, coarseBits } = this.shape;
    const first = row * this.#stride;
    if (coarseBits === 4) return Array.from({ length: dims }, (_, i) => nibbleAt(this.#codes, first, i));
    return Array.from({ length: dims }, (_, i) => this.#codes.getInt8(first + i));
  }

  #tail(row: number, at: number): number {
    const { dims, coarseBits = 8 } = this.shape;
    return this.#codes.getFloat32(row * this.#stride + (dims * coarseBits) / 8 + at, true);
  }

  #isDeleted(row: number): boolean {
    return ((this.#view.deleted?.[row >>> 5] ?? 0) >>> (row & 31)) % 2 === 1;
  }

  /** <a, b> - |b|^2 / 2 of coarse codes. */
  #keyBetween(a: number, b: number): number {
    const other = this.#code(b);
    const product = this.#code(a).reduce((sum, code, i) => sum + code * other[i]!, 0);
    const scales = fround(this.#tail(a, 0) * this.#tail(b, 0));
    return fround(fround(fround(product) * scales) + this.#tail(b, 4));
  }

  /** The rows of best keys that a walk meets, best first, and all that it met. */
  #walk(keyOf: (row: number) => number, effort: number, room: number): { best: Entry[]; met: Entry[] } {
    const met: Entry[] = [];
    const seen = new Set<number>();
    const expanded = new Set<number>();
    let best: Entry[] = [];
    const meet = (rows: Iterable<number>): void => {
      for (const row of rows) {
        if (seen.has(row)) continue;
        seen.add(row);
        met.push({ row, key: keyOf(row) });
        best = [...best, met.at(-1)!].sort(order).slice(0, room);
      }
    };
    meet(this.#view.entries);
    for (;;) {
      const next = best.slice(0, effort).find(({ row }) => !expanded.has(row));
      if (!next) return { best, met };
      expanded.add(next.row);
      meet(this.links[next.row]!);
    }
  }

  #choose(row: number, candidates: readonly Entry[], most: number, alpha: number): number[] {
    const chosen: number[] = [];
    const half = this.#tail(row, 4);
    const factor = fround(alpha * alpha);
    for (const { row: other, key } of candidates) {
      if (chosen.length === most) break;
      if (other === row || this.#isDeleted(other)) continue;
      const distance = fround(key + half);
      const occluded = chosen.some((link) => {
        const between = fround(this.#keyBetween(other, link) + this.#tail(other, 4));
        return fround(factor * between) > distance;
      });
      if (!occluded) chosen.push(other);
    }
    return chosen;
  }

  /** As WasmGraph.link. */
  link(rows: Iterable<number>, alpha: number, effort: number): void {
    const added = [...rows];
    for (const row of added) {
      const { best } = this.#walk((other) => this.#keyBetween(row, other), effort, effort);
      this.links[row] = this.#choose(row, best, this.shape.forward, alpha);
    }
    // all links back are of what the new rows chose, before any of them is changed
    const pairs = added.flatMap((source) => this.links[source]!.map((target) => ({ source, target })));
    for (const { source, target } of pairs) this.#linkBack(target, source, alpha);
  }

  #linkBack(row: number, source: number, alpha: number): void {
    const links = this.links[row]!;
    if (links.includes(source)) return;
    if (links.length < this.shape.degree) {
      links.push(source);
      return;
    }
    const half = this.#tail(row, 4);
    const key = this.#keyBetween(row, source);
    const left: number[] = [];
    for (const [i, other] of links.entries()) {
      const own = this.#keyBetween(row, other);
      const between = fround(
        fround(alpha * alpha) * fround(this.#keyBetween(source, other) + this.#tail(source, 4)),
      );
      if (own >= key) {
        if (between > fround(key + half) && left.length === i) return;
      } else if (between > fround(own + half)) continue;
      left.push(other);
    }
    if (left.length < this.shape.degree) left.push(source);
    else {
      const keys = left.map((other) => this.#keyBetween(row, other));
      const farthest = keys.indexOf(Math.min(...keys));
      if (keys[farthest]! < key) left[farthest] = source;
    }
    this.links[row] = left;
  }

  /** As WasmGraph.bridge. */
  bridge(alpha: number): void {
    const before = this.links.map((links) => links.slice());
    for (const [row, links] of before.entries()) {
      if (this.#isDeleted(row) || !links.some((link) => this.#isDeleted(link))) continue;
      const found = links.flatMap((link) => (this.#isDeleted(link) ? before[link]! : [link]));
      const candidates = [...new Set(found)].filter((link) => link !== row && !this.#isDeleted(link));
      const entries = candidates.map((link) => ({ row: link, key: this.#keyBetween(row, link) }));
      this.links[row] = this.#choose(row, entries.sort(order), this.shape.degree, alpha);
    }
  }

  /** As WasmGraph.search, of one query. */
  search(query: Float32Array, { k, effort, kept, allowed }: GraphSearch): { row: number; score: number }[] {
    const { metric, mean } = this.shape;
    const length = metric === "cosine" ? Math.hypot(...query) || 1 : 1;
    const centred = Array.from(query, (value, i) => value / length - (metric === "dot" ? 0 : mean[i]!));
    const square = centred.reduce((sum, value) => sum + value * value, 0);
    const bias = metric === "dot" ? 0 : 1;
    const coarse = this.#projected(centred);
    const coarseKey = (row: number): number =>
      dot(this.#code(row), coarse) * this.#tail(row, 0) + this.#tail(row, 4) * bias;
    const restricted = allowed !== undefined || this.#view.deleted !== undefined;
    const { best, met } = this.#walk(coarseKey, effort, restricted ? effort : Math.max(effort, kept));
    const found = restricted ? met.filter(({ row }) => this.#isWanted(row, allowed)).sort(order) : best;
    const offset =
      metric === "dot" ? dot([...query], [...mean]) : metric === "cosine" ? 1 - square / 2 : -square;
    return found
      .slice(0, kept)
      .map(({ row, key }) => ({ row, key: key + this.#fineKey(row, centred, bias) }))
      .sort(order)
      .slice(0, k)
      .map(({ row, key }) => ({ row, score: offset + (metric === "l2" ? 2 : 1) * key }));
  }

  #isWanted(row: number, allowed: Uint32Array | undefined): boolean {
    const id = this.#view.ids?.[row] ?? row;
    return !this.#isDeleted(row) && (!allowed || ((allowed[id >>> 5] ?? 0) >>> (id & 31)) % 2 === 1);
  }

  #projected(centred: readonly number[]): number[] {
    const { projection, dims, dim } = this.shape;
    if (!projection) return [...centred, ...new Array(dims - dim).fill(0)];
    const width = graphWidth(dim);
    return Array.from(
      { length: dims },
      (_, j) => centred.reduce((sum, value, i) => sum + value * projection[j * width + i]!, 0) / 16_384,
    );
  }

  /** What the fine code adds to a key. */
  #fineKey(row: number, centred: readonly number[], bias: number): number {
    const { dim, fineBits } = this.shape;
    if (fineBits === 0) return 0;
    const stride = fineStride(dim, fineBits);
    const { fine } = this.#view;
    const view = new DataView(fine.buffer, fine.byteOffset + row * stride, stride);
    const levels = centred.map((_, i) => (fineBits === 8 ? view.getInt8(i) : nibbleAt(view, 0, i)));
    return (
      dot(levels, centred) * view.getFloat32(stride - 8, true) + view.getFloat32(stride - 4, true) * bias
    );
  }
}

/** Level i of a code of 4 bits. */
function nibbleAt(view: DataView, first: number, i: number): number {
  const byte = view.getUint8(first + (i >> 5) * 16 + (i & 15));
  return ((i & 31) < 16 ? byte & 15 : byte >> 4) - 8;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
