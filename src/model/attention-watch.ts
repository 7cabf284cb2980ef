/**
 * What cache policies need to know of attention, kept beside it step by step: the last queries of each layer, the sum of each slot's
 * weights, statistics of queries before rotation. Nothing is kept that no part asked for.
 */
import type { PagedCache } from "../cache/paged-cache.ts";
import type { HeadContext, Needs, QueryStatistics, WindowWeights } from "../cache/parts.ts";
import { turnRows } from "../cache/turn.ts";
import { MnemeError } from "../errors.ts";
import {
  FEW_QUERIES,
  PAGE_SLOTS,
  type Pool,
  Program,
  type Region,
  type Stage,
  type WasmFace,
  weighRoom,
} from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import { QueryMoments } from "./query-moments.ts";
import { frequenciesOf, writeAngles } from "./rope.ts";
import { MOST_TOKENS, TILE_TOKENS } from "./step-tables.ts";

/** Where a step's attention leaves the states of a sequence's queries, for their sums of weights (see kernels/wasm/assembly/program.ts). */
export interface Attended {
  readonly states: number;
  readonly parts: number;
  /** Tokens of the step's largest tile. */
  readonly largest: number;
  /** Number of the sequence's first tile. */
  readonly firstTile: number;
}

/** Of what the kernels know of a head. */
const HEAD_BYTES = 16;

export class AttentionWatch implements Disposable {
  readonly needs: Needs;
  readonly #face: WasmFace;
  readonly #config: ModelConfig;
  readonly #pool: () => Pool | undefined;
  /** The last queries, turned where the cache is: [layers x #window x heads x dim]. */
  readonly #queries: Region | undefined;
  readonly #window: number;
  #kept = 0;
  /** Sums of weights: [layers x key-value heads x #capacity]. */
  #sums: Region | undefined;
  #capacity = 0;
  readonly #moments: QueryMoments | undefined;
  #room: Region;
  readonly #program: Program;
  readonly #stage: Stage;
  #rows: Region | undefined;
  /** Of each layer; undefined where it does not rotate. */
  readonly #frequencies: readonly (Float64Array | undefined)[];

  constructor(face: WasmFace, config: ModelConfig, needs: Needs, pool: () => Pool | undefined) {
    this.#face = face;
    this.#config = config;
    this.needs = needs;
    this.#pool = pool;
    this.#window = needs.queryStatistics ? MOST_TOKENS : (needs.windowQueries ?? 0);
    const bytes = config.layers * this.#window * this.#rowBytes;
    this.#queries = bytes > 0 ? face.arena.alloc(bytes) : undefined;
    this.#moments = needs.queryStatistics ? new QueryMoments(config) : undefined;
    this.#room = face.arena.alloc(64);
    this.#program = new Program(face, 1);
    this.#stage = this.#program.add("weigh");
    const global = frequenciesOf(config.rope, config.headDim);
    const local = config.localRope && frequenciesOf(config.localRope, config.headDim);
    this.#frequencies = config.layerKinds.map(({ rope }) => ({ global, local, none: undefined })[rope]);
  }

  get #rowBytes(): number {
    return this.#config.heads * this.#config.headDim * 4;
  }

  get bytes(): number {
    return [this.#queries, this.#sums, this.#room, this.#rows].reduce(
      (sum, region) => sum + (region?.byteLength ?? 0),
      0,
    );
  }

  /** Another that goes on from what is kept here. @param needs of which this one keeps at least as much */
  fork(needs: Needs): AttentionWatch {
    const other = new AttentionWatch(this.#face, this.#config, needs, this.#pool);
    if (other.#queries && this.#queries) {
      const kept = Math.min(this.#kept, other.#window);
      for (let layer = 0; layer < this.#config.layers; layer++) {
        const from = (layer * this.#window + this.#kept - kept) * this.#rowBytes;
        const to = layer * other.#window * this.#rowBytes;
        other.#queries.u8().set(this.#queries.u8().subarray(from, from + kept * this.#rowBytes), to);
      }
      other.#kept = kept;
    }
    if (needs.weightSums && this.#sums) {
      other.#reserve(this.#capacity);
      const from = this.#sums.f32();
      const heads = this.#config.layers * this.#config.kvHeads;
      for (let i = 0; i < heads; i++)
        other
          .#sums!.f32()
          .set(from.subarray(i * this.#capacity, (i + 1) * this.#capacity), i * other.#capacity);
    }
    return other;
  }

  /** Before a step of `count` tokens of which the last ones' queries are kept. */
  begin(count: number, cache: PagedCache): void {
    if (this.#queries) {
      const some = Math.min(count, this.#window);
      const stay = Math.min(this.#kept, this.#window - some);
      const all = this.#queries.u8();
      const layerBytes = this.#window * this.#rowBytes;
      if (stay > 0 && stay < this.#kept)
        for (let at = 0; at < all.length; at += layerBytes)
          all.copyWithin(at, at + (this.#kept - stay) * this.#rowBytes, at + this.#kept * this.#rowBytes);
      this.#kept = stay;
    }
    if (this.needs.weightSums) this.#reserve(cache.pagesWith(count) * PAGE_SLOTS);
  }

  /** @param first row of the step's first token. @param stages of a layer: keep, weigh, the latter behind that of attention */
  set(
    layer: number,
    stages: { readonly keep: Stage; readonly weigh: Stage },
    first: number,
    count: number,
    qkv: number,
    cache: PagedCache,
    attended: Attended,
  ): void {
    const { heads, kvHeads, headDim } = this.#config;
    const stride = (heads + 2 * kvHeads) * headDim * 4;
    if (this.#queries) {
      const some = Math.min(count, this.#window);
      const to = this.#queries.pointer + (layer * this.#window + this.#kept) * this.#rowBytes;
      [first + count - some, some, stride, this.#rowBytes, qkv, to].forEach((value, i) => {
        stages.keep.set(i, value);
      });
      stages.keep.tasks = 1;
    }
    if (!this.#sums) return;
    const sums = this.#sums.pointer + layer * kvHeads * this.#capacity * 4;
    this.#weigh(stages.weigh, layer, cache, {
      count,
      q: qkv + first * stride,
      stride,
      from: 0,
      out: sums,
      outBytes: this.#capacity * 4,
      rowBytes: 0,
      attended,
    });
  }

  /** After the step. @param first position of its first token */
  end(count: number, first: number, cache: PagedCache): void {
    if (this.#queries) this.#kept = Math.min(this.#window, this.#kept + count);
    if (this.#moments) this.#addMoments(Math.min(count, this.#window), first + count, cache);
  }

  /** The sums of slots that stay, after `cache.keep`. */
  keepSums(layer: number, kvHead: number, slots: Int32Array): void {
    if (!this.#sums) return;
    const sums = this.#sumsOf(layer, kvHead);
    const kept = Float32Array.from(slots, (slot) => sums[slot]!);
    sums.fill(0);
    sums.set(kept);
  }

  /** All heads, layer by layer. */
  heads(cache: PagedCache): HeadContext[] {
    const { layers, kvHeads, heads, headDim } = this.#config;
    let weighed = -1;
    return Array.from({ length: layers * kvHeads }, (_, i) => {
      const [layer, kvHead] = [Math.floor(i / kvHeads), i % kvHeads];
      return {
        layer,
        kvHead,
        layers,
        kvHeads,
        group: heads / kvHeads,
        dim: headDim,
        slots: cache.slotsOf(layer, kvHead),
        segment: () => cache.segment(layer, kvHead),
        windowWeights: () => {
          if (weighed !== layer) this.#weighWindow(layer, cache);
          weighed = layer;
          return this.#windowOf(kvHead, cache.slotsOf(layer, kvHead), cache);
        },
        weightSums: () => this.#sumsOf(layer, kvHead).subarray(0, cache.slotsOf(layer, kvHead)),
        queryStatistics: () => this.#statisticsOf(layer, kvHead),
        rotate: (row: Float32Array, position: number) => this.#rotate(layer, row, position, 1),
        unrotate: (row: Float32Array, position: number) => this.#rotate(layer, row, position, -1),
      };
    });
  }

  [Symbol.dispose](): void {
    for (const one of [this.#queries, this.#sums, this.#room, this.#rows, this.#program])
      one?.[Symbol.dispose]();
  }

  #sumsOf(layer: number, kvHead: number): Float32Array {
    if (!this.#sums) throw unasked("weightSums");
    const at = (layer * this.#config.kvHeads + kvHead) * this.#capacity;
    return this.#sums.f32().subarray(at, at + this.#capacity);
  }

  #statisticsOf(layer: number, kvHead: number): QueryStatistics {
    if (!this.#moments) throw unasked("queryStatistics");
    return this.#moments.statisticsOf(layer, kvHead);
  }

  #windowOf(kvHead: number, slots: number, cache: PagedCache): WindowWeights {
    const { heads, kvHeads } = this.#config;
    const queries = this.#windowNow();
    const rows = (heads / kvHeads) * queries;
    const stride = cache.pagesWith(0) * PAGE_SLOTS;
    const all = this.#rows!.f32();
    const weights = new Float32Array(rows * slots);
    for (let r = 0; r < rows; r++) {
      const at = (kvHead * rows + r) * stride;
      weights.set(all.subarray(at, at + slots), r * slots);
    }
    return { queries, weights };
  }

  #windowNow(): number {
    return Math.min(this.needs.windowQueries ?? 0, this.#kept);
  }

  /** Weights of the kept queries of a layer over its slots. */
  #weighWindow(layer: number, cache: PagedCache): void {
    const count = this.#windowNow();
    if (!this.#queries || count === 0) throw unasked("windowQueries");
    const { heads, kvHeads } = this.#config;
    const stride = cache.pagesWith(0) * PAGE_SLOTS;
    const headBytes = (heads / kvHeads) * count * stride * 4;
    this.#rows = this.#grown(this.#rows, headBytes * kvHeads);
    const q = this.#queries.pointer + (layer * this.#window + this.#kept - count) * this.#rowBytes;
    cache.begin(0);
    this.#weigh(this.#stage, layer, cache, {
      count,
      q,
      stride: this.#rowBytes,
      from: -count,
      out: this.#rows.pointer,
      outBytes: headBytes,
      rowBytes: stride * 4,
    });
    this.#program.run(this.#pool());
  }

  #weigh(stage: Stage, layer: number, cache: PagedCache, about: WeighAbout): void {
    const { heads, kvHeads, headDim } = this.#config;
    const { count, attended } = about;
    const { attentionScale, attentionCap = 0 } = this.#config;
    const group = heads / kvHeads;
    const expanded = cache.expandedBytes;
    const slots = cache.pagesWith(about.from < 0 ? 0 : count) * PAGE_SLOTS;
    const threads = this.#pool()?.threads ?? 1;
    const isCut = attended && count * group > FEW_QUERIES && attentionCap === 0;
    const cuts = isCut ? Math.ceil(threads / kvHeads) : 1;
    const roomBytes = weighRoom(headDim, Math.min(count, TILE_TOKENS) * group, slots, expanded);
    this.#room = this.#grown(this.#room, roomBytes * kvHeads * cuts);
    const where = [about.q, about.stride, cache.pointer + layer * kvHeads * HEAD_BYTES, 0, about.from >>> 0];
    const to = [about.out, about.outBytes, about.rowBytes, this.#room.pointer, roomBytes, cuts];
    const states = attended
      ? [attended.states, attended.parts, attended.largest, attended.firstTile]
      : [0, 0, 0, 0];
    const all = [count, heads, kvHeads, headDim, ...where, ...to, ...states, TILE_TOKENS, expanded];
    all.forEach((value, i) => {
      stage.set(i, value);
    });
    stage.setReal(7, attentionScale);
    stage.setReal(21, attentionCap);
    stage.tasks = kvHeads * cuts;
  }

  #grown(region: Region | undefined, bytes: number): Region {
    if (region && region.byteLength >= bytes) return region;
    region?.[Symbol.dispose]();
    return this.#face.arena.alloc(Math.ceil(bytes * 1.25));
  }

  #reserve(slots: number): void {
    if (slots <= this.#capacity) return;
    const { layers, kvHeads } = this.#config;
    const capacity = Math.ceil((slots * 1.25) / PAGE_SLOTS) * PAGE_SLOTS;
    const sums = this.#face.arena.alloc(layers * kvHeads * capacity * 4);
    const values = sums.f32().fill(0);
    const before = this.#sums?.f32();
    for (let i = 0; before && i < layers * kvHeads; i++)
      values.set(before.subarray(i * this.#capacity, (i + 1) * this.#capacity), i * capacity);
    this.#sums?.[Symbol.dispose]();
    this.#sums = sums;
    this.#capacity = capacity;
  }

  /** Of the last `count` queries, the last of which stands before position `next`. */
  #addMoments(count: number, next: number, cache: PagedCache): void {
    const { layers, heads, headDim } = this.#config;
    const all = this.#queries!.f32();
    const width = heads * headDim;
    for (let layer = 0; layer < layers; layer++) {
      const at = (layer * this.#window + this.#kept - count) * width;
      const rows = all.slice(at, at + count * width);
      if (cache.turned) turnRows(this.#face, rows, headDim);
      for (let t = 0; t < count; t++)
        for (let h = 0; h < heads; h++) {
          const row = rows.subarray(t * width + h * headDim, t * width + (h + 1) * headDim);
          this.#rotate(layer, row, next - count + t, -1);
          this.#moments!.add(layer, h, next - count + t, row);
        }
    }
  }

  #rotate(layer: number, row: Float32Array, position: number, direction: 1 | -1): void {
    const frequencies = this.#frequencies[layer];
    if (!frequencies) return;
    const half = row.length / 2;
    const angles = new Float32Array(row.length);
    writeAngles(frequencies, position, angles, 1);
    for (let i = 0; i < half; i++) {
      const [a, b] = [row[i]!, row[half + i]!];
      const [cos, sin] = [angles[i]!, angles[half + i]! * direction];
      row[i] = a * cos - b * sin;
      row[half + i] = b * cos + a * sin;
    }
  }
}

interface WeighAbout {
  readonly count: number;
  readonly q: number;
  readonly stride: number;
  /** Slots before the first query, from those before the step: negative for queries whose slots are in. */
  readonly from: number;
  readonly out: number;
  readonly outBytes: number;
  readonly rowBytes: number;
  /** Absent: the sums of weights are found by a pass of their own. */
  readonly attended?: Attended;
}

function unasked(what: keyof Needs): MnemeError {
  return new MnemeError(
    "UNSUPPORTED",
    `cache: ${what} was not kept; a part that uses it must name it in its needs`,
  );
}
