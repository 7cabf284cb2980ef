/** The weights of a decoder in kernel memory: matrices that see the same input stacked, so that one stage multiplies them. */
import { MnemeError } from "../errors.ts";
import type { Pool, Region, WasmFace } from "../kernels/index.ts";
import type { StoredRegions } from "../storage/region-file.ts";
import { BlockPlacer } from "../weights/block-placer.ts";
import { GROUP, LinearWeights, linearBytes, type Precision } from "../weights/linear-weights.ts";
import type { TensorSource } from "../weights/tensor-source.ts";
import type { ModelConfig } from "./config.ts";

export interface LayerWeights {
  readonly attentionNorm: Region;
  /** Rows of queries, keys, values. */
  readonly qkv: LinearWeights;
  readonly qkvBias: Region | undefined;
  readonly outBias: Region | undefined;
  /** Norms of each query and each key. */
  readonly headNorms: { readonly query: Region; readonly key: Region } | undefined;
  readonly out: LinearWeights;
  /** Of what attention gives, before it is added. */
  readonly outNorm: Region | undefined;
  readonly hiddenNorm: Region;
  /** Rows of the gate, then those that it gates. */
  readonly gateUp: LinearWeights;
  readonly gateUpBias: Region | undefined;
  readonly down: LinearWeights;
  readonly downBias: Region | undefined;
  /** Of what the gated layer gives, before it is added. */
  readonly downNorm: Region | undefined;
}

/** Values that are read and encoded at once, about: near enough to be read again fast. Whole heads of rows, which may be put in another order. */
const VALUES_AT_ONCE = 1 << 18;
/** The same of blocks that are taken as they are stored: threads share what is read at once. */
const STORED_AT_ONCE = 1 << 22;
const ROWS_AT_LEAST = 64;

export class DecoderWeights implements Disposable {
  readonly embedding: LinearWeights;
  readonly layers: readonly LayerWeights[];
  readonly norm: Region;
  readonly head: LinearWeights;
  readonly #owned: Disposable[] = [];
  readonly #regions = new Map<string, Region>();
  /** Bytes of matrices with values that were encoded anew, not taken as they were stored. */
  readonly encodedBytes: number;

  /**
   * @param stored regions of the same weights from before: what it has is not encoded again
   * @param faceFor the memory that takes a matrix of so many bytes; default `face` itself
   * @param threads that help, over a memory
   * @throws MnemeError FORMAT naming a tensor that is missing or of another shape, BUDGET
   */
  constructor(
    face: WasmFace,
    config: ModelConfig,
    source: TensorSource,
    precision: Precision,
    stored?: StoredRegions,
    faceFor: (bytes: number) => WasmFace = () => face,
    threads: (face: WasmFace) => Pool | undefined = () => undefined,
  ) {
    let encodedBytes = 0;
    try {
      // it ends before what it places is freed
      using placer = new BlockPlacer(threads);
      const { width, headDim, heads, kvHeads } = config;
      const hidden = [config.hidden, paddedHidden(config)] as const;
      const q = heads * headDim;
      const kv = kvHeads * headDim;
      const matrix = (columns: Side, parts: readonly (readonly [string, Side])[]): LinearWeights => {
        const [wide, padded] = sidesOf(columns);
        for (const [name, rows] of parts) checkShape(source, name, [sidesOf(rows)[0], wide]);
        const rows = lengthOf(parts);
        const own = faceFor(linearBytes(precision, rows, padded));
        const weights = this.#own(new LinearWeights(own, precision, rows, padded));
        const isStored = stored?.fill(nameOf(parts), weights.region.u8()) === true;
        if (!isStored && fill(weights, source, columns, parts, placer)) encodedBytes += weights.bytes;
        this.#regions.set(nameOf(parts), weights.region);
        return weights;
      };
      const vector = (parts: readonly (readonly [string, Side])[], offset = 0): Region => {
        for (const [name, side] of parts) checkShape(source, name, [sidesOf(side)[0]]);
        const region = this.#own(face.arena.alloc(lengthOf(parts) * 4));
        const isStored = stored?.fill(nameOf(parts), region.u8()) === true;
        if (!isStored) join(region, source, parts, offset);
        this.#regions.set(nameOf(parts), region);
        return region;
      };
      const norm = (name: string, length: number): Region => vector([[name, length]], config.normOffset);
      const bias = (has: boolean, name: string): Region | undefined =>
        has ? vector([[name, width]]) : undefined;
      this.embedding = matrix(width, [["model.embed_tokens.weight", config.vocabulary]]);
      this.layers = Array.from({ length: config.layers }, (_, i) => {
        const at = `model.layers.${i}.`;
        const attention = `${at}self_attn.`;
        const after = `${at}post_attention_layernorm.weight`;
        return {
          attentionNorm: norm(`${at}input_layernorm.weight`, width),
          qkv: matrix(width, [
            [`${attention}q_proj.weight`, q],
            [`${attention}k_proj.weight`, kv],
            [`${attention}v_proj.weight`, kv],
          ]),
          qkvBias: config.qkvBias
            ? vector([
                [`${attention}q_proj.bias`, q],
                [`${attention}k_proj.bias`, kv],
                [`${attention}v_proj.bias`, kv],
              ])
            : undefined,
          headNorms: config.qkNorm
            ? {
                query: norm(`${attention}q_norm.weight`, headDim),
                key: norm(`${attention}k_norm.weight`, headDim),
              }
            : undefined,
          out: matrix(q, [[`${attention}o_proj.weight`, width]]),
          outBias: bias(config.outBias, `${attention}o_proj.bias`),
          outNorm: config.postNorms ? norm(after, width) : undefined,
          hiddenNorm: norm(config.postNorms ? `${at}pre_feedforward_layernorm.weight` : after, width),
          gateUp: matrix(width, [
            [`${at}mlp.gate_proj.weight`, hidden],
            [`${at}mlp.up_proj.weight`, hidden],
          ]),
          gateUpBias: config.mlpBias
            ? vector([
                [`${at}mlp.gate_proj.bias`, hidden],
                [`${at}mlp.up_proj.bias`, hidden],
              ])
            : undefined,
          down: matrix(hidden, [[`${at}mlp.down_proj.weight`, width]]),
          downBias: bias(config.mlpBias, `${at}mlp.down_proj.bias`),
          downNorm: config.postNorms ? norm(`${at}post_feedforward_layernorm.weight`, width) : undefined,
        };
      });
      this.norm = norm("model.norm.weight", width);
      this.head = config.tied ? this.embedding : matrix(width, [["lm_head.weight", config.vocabulary]]);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    this.encodedBytes = encodedBytes;
  }

  get bytes(): number {
    return this.#owned.reduce(
      (sum, one) => sum + ("bytes" in one ? (one.bytes as number) : (one as Region).byteLength),
      0,
    );
  }

  /** Bytes of all regions by name, borrowed. */
  regions(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#regions].map(([name, region]) => [name, region.u8()]));
  }

  #own<T extends Disposable>(one: T): T {
    this.#owned.push(one);
    return one;
  }

  [Symbol.dispose](): void {
    for (const one of this.#owned.splice(0)) one[Symbol.dispose]();
  }
}

/** A side of a matrix: its length, or that and the length that zeros fill it up to. */
type Side = number | readonly [length: number, padded: number];

/** Zeros behind the hidden values make their count one that the kernels take. */
export function paddedHidden({ hidden }: ModelConfig): number {
  return Math.ceil(hidden / GROUP) * GROUP;
}

/** Rows of a matrix, one tensor's behind the other's. @returns whether values were encoded, not taken as they were stored; blocks may be under way */
function fill(
  weights: LinearWeights,
  source: TensorSource,
  columns: Side,
  parts: readonly (readonly [string, Side])[],
  placer: BlockPlacer,
): boolean {
  const [wide, padded] = sidesOf(columns);
  const roomFor = (bytes: number): Uint8Array => placer.roomFor(weights.face, bytes);
  const rowsOf = (values: number): number =>
    Math.max(1, Math.floor(values / wide / ROWS_AT_LEAST)) * ROWS_AT_LEAST;
  let first = 0;
  let encoded = false;
  for (const [name, side] of parts) {
    const [rows, paddedRows] = sidesOf(side);
    let atOnce = rowsOf(STORED_AT_ONCE);
    for (let row = 0; row < rows; row += atOnce) {
      const stored = Math.min(atOnce, rows - row);
      const blocks =
        wide === padded ? source.readBlocks?.(name, row * wide, stored * wide, roomFor) : undefined;
      if (blocks && placer.place(weights, first + row, blocks)) continue;
      atOnce = rowsOf(VALUES_AT_ONCE);
      const some = Math.min(atOnce, rows - row);
      const values = source.read(name, row * wide, some * wide);
      weights.set(first + row, wide === padded ? values : widened(values, wide, padded));
      encoded = true;
    }
    if (paddedRows > rows) weights.set(first + rows, new Float32Array((paddedRows - rows) * padded));
    first += paddedRows;
  }
  return encoded;
}

function sidesOf(side: Side): readonly [number, number] {
  return typeof side === "number" ? [side, side] : side;
}

/** Of all parts, each filled up. */
function lengthOf(parts: readonly (readonly [string, Side])[]): number {
  return parts.reduce((sum, [, side]) => sum + sidesOf(side)[1], 0);
}

/** Rows with zeros behind them. */
function widened(values: Float32Array, columns: number, padded: number): Float32Array {
  const out = new Float32Array((values.length / columns) * padded);
  for (let row = 0; row * columns < values.length; row++)
    out.set(values.subarray(row * columns, (row + 1) * columns), row * padded);
  return out;
}

/** Of the region that the tensors share. */
const nameOf = (parts: readonly (readonly [string, unknown])[]): string =>
  parts.map(([name]) => name).join("+");

/** Vectors one behind the other, each filled up with zeros. @param offset added to all values */
function join(
  region: Region,
  source: TensorSource,
  parts: readonly (readonly [string, Side])[],
  offset: number,
): void {
  const all = region.f32().fill(0);
  let at = 0;
  for (const [name, side] of parts) {
    const [length, padded] = sidesOf(side);
    const values = source.read(name, 0, length);
    all.set(offset === 0 ? values : values.map((value) => value + offset), at);
    at += padded;
  }
}

function checkShape(source: TensorSource, name: string, wanted: readonly number[]): void {
  const shape = source.shapeOf(name);
  if (!shape)
    throw new MnemeError("FORMAT", `${source.name}: tensor ${name} is missing; is the checkpoint whole?`);
  if (shape.length !== wanted.length || shape.some((side, i) => side !== wanted[i]))
    throw new MnemeError(
      "FORMAT",
      `${source.name}: tensor ${name} is [${shape.join(", ")}], the configuration says [${wanted.join(", ")}]`,
    );
}
