/** The weights of a decoder in kernel memory: matrices that see the same input stacked, so that one stage multiplies them. */
import type { Region, WasmFace } from "../kernels/index.ts";
import { GROUP, LinearWeights, linearBytes, type Precision } from "../weights/linear-weights.ts";
import type { TensorSource } from "../weights/tensor-source.ts";
import type { ModelConfig } from "./config.ts";
import {
  lengthOf,
  nameOf,
  type Side,
  type Stack,
  sidesOf,
  WeightReader,
  type WeightReaderOptions,
} from "./weight-reader.ts";

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

export interface DecoderWeightsOptions extends WeightReaderOptions {
  /** The memory that takes a matrix of so many bytes; default the one that the weights are made in. */
  readonly faceFor?: (bytes: number) => WasmFace;
}

export class DecoderWeights implements Disposable {
  readonly embedding: LinearWeights;
  readonly layers: readonly LayerWeights[];
  readonly norm: Region;
  readonly head: LinearWeights;
  readonly #owned: Disposable[] = [];
  readonly #regions = new Map<string, Region>();
  readonly #reader: WeightReader;

  /**
   * Takes their memory and checks their shapes; `read` brings what stands there. Parts of them: number 0 is the embedding, then come the
   * layers, then the last norm and the head.
   * @param source closed with the weights, or once all is read
   * @throws MnemeError FORMAT naming a tensor that is missing or of another shape, BUDGET
   */
  constructor(
    face: WasmFace,
    config: ModelConfig,
    source: TensorSource,
    precision: Precision,
    { faceFor = () => face, ...options }: DecoderWeightsOptions = {},
  ) {
    const reader = new WeightReader(source, options);
    this.#reader = reader;
    try {
      const { width, headDim, heads, kvHeads } = config;
      const hidden = [config.hidden, paddedHidden(config)] as const;
      const q = heads * headDim;
      const kv = kvHeads * headDim;
      const matrix = (columns: Side, stack: Stack): LinearWeights => {
        const [wide, padded] = sidesOf(columns);
        reader.checkShapes(stack, wide);
        const rows = lengthOf(stack);
        const own = faceFor(linearBytes(precision, rows, padded));
        const weights = this.#own(new LinearWeights(own, precision, rows, padded));
        reader.addMatrix(weights, columns, stack);
        this.#regions.set(nameOf(stack), weights.region);
        return weights;
      };
      const vector = (stack: Stack, offset = 0): Region => {
        reader.checkShapes(stack);
        const region = this.#own(face.arena.alloc(lengthOf(stack) * 4));
        reader.addVector(region, stack, offset);
        this.#regions.set(nameOf(stack), region);
        return region;
      };
      const norm = (name: string, length: number): Region => vector([[name, length]], config.normOffset);
      const bias = (has: boolean, name: string): Region | undefined =>
        has ? vector([[name, width]]) : undefined;
      reader.beginPart();
      this.embedding = matrix(width, [["model.embed_tokens.weight", config.vocabulary]]);
      this.layers = Array.from({ length: config.layers }, (_, i) => {
        reader.beginPart();
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
      reader.beginPart();
      this.norm = norm("model.norm.weight", width);
      this.head = config.tied ? this.embedding : matrix(width, [["lm_head.weight", config.vocabulary]]);
      reader.reserve(face);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes of matrices that must be encoded, as the checkpoint has their values otherwise. */
  get encodedBytes(): number {
    return this.#reader.encodedBytes;
  }

  /** Parts up to number `last` stand in their places then; without it all. @throws MnemeError CORRUPT naming a file that was changed or cut, IO */
  read(last: number = Number.POSITIVE_INFINITY): void {
    this.#reader.read(last);
  }

  get bytes(): number {
    return this.#owned.reduce(
      (sum, one) => sum + ("bytes" in one ? (one.bytes as number) : (one as Region).byteLength),
      0,
    );
  }

  /** Bytes of all regions by name, borrowed; all are read for it. @throws as read */
  regions(): ReadonlyMap<string, Uint8Array> {
    this.read();
    return new Map([...this.#regions].map(([name, region]) => [name, region.u8()]));
  }

  #own<T extends Disposable>(one: T): T {
    this.#owned.push(one);
    return one;
  }

  [Symbol.dispose](): void {
    // blocks under way go to what is freed then
    this.#reader[Symbol.dispose]();
    for (const one of this.#owned.splice(0)) one[Symbol.dispose]();
  }
}

/** Zeros behind the hidden values make their count one that the kernels take. */
export function paddedHidden({ hidden }: ModelConfig): number {
  return Math.ceil(hidden / GROUP) * GROUP;
}
