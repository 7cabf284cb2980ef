/**
 * Residual adapters: small trainable maps over fixed vectors, one for each role (queries, documents). x + U gelu(V x), then normalised as
 * layers are (Ba et al., Layer Normalization, 2016); an untrained one changes next to nothing. Where the widths differ the residual is a
 * projection.
 */
import { asFloats, deserialize, serialize } from "../codecs/serial.ts";
import { MnemeError } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowsOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import type { Jax, Tensor, Weights } from "./jax.ts";

export interface AdapterShape {
  /** Values of a row that comes in. */
  readonly from: number;
  /** And that goes out. */
  readonly to: number;
  readonly hidden: number;
}

/** Names of an adapter's arrays. */
const ARRAYS = ["down", "up", "gain", "bias", "project"] as const;
type ArrayName = (typeof ARRAYS)[number];
export type AdapterArrays = Partial<Record<ArrayName, Float32Array>>;

const EPSILON = 1e-6;
const BLOCK_ROWS = 1024;
const SPREAD = Math.sqrt(2 / Math.PI);

/** Arrays of an untrained adapter: the hidden layer adds nothing yet, rows come out about as long as 1. @throws MnemeError RANGE */
export function freshAdapter({ from, to, hidden }: AdapterShape, seed: number): AdapterArrays {
  for (const [name, value] of Object.entries({ from, to, hidden }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new MnemeError("RANGE", `adapter: ${name} must be a whole number from 1, got ${value}`);
  const random = new Random(seed);
  const gaussians = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, () => scale * random.gaussian());
  return {
    down: gaussians(from * hidden, 1),
    up: new Float32Array(hidden * to),
    gain: new Float32Array(to).fill(1 / Math.sqrt(to)),
    bias: new Float32Array(to),
    ...(from === to ? {} : { project: gaussians(from * to, 1 / Math.sqrt(to)) }),
  };
}

/** The arrays as weights to train, under a prefix: several adapters share one training. */
export function adapterWeights(
  jax: Jax,
  prefix: string,
  shape: AdapterShape,
  arrays: AdapterArrays,
): Weights {
  const { from, to, hidden } = shape;
  const shapes: Record<ArrayName, number[]> = {
    down: [from, hidden],
    up: [hidden, to],
    gain: [to],
    bias: [to],
    project: [from, to],
  };
  const weights: Weights = {};
  for (const name of ARRAYS) {
    const values = arrays[name];
    if (values) weights[`${prefix}.${name}`] = jax.numpy.array(values.slice()).reshape(shapes[name]);
  }
  return weights;
}

/** The other way: arrays of what was trained. */
export function adapterArrays(
  trained: Readonly<Record<string, Float32Array>>,
  prefix: string,
): AdapterArrays {
  const arrays: AdapterArrays = {};
  for (const name of ARRAYS) {
    const values = trained[`${prefix}.${name}`];
    if (values) arrays[name] = values;
  }
  return arrays;
}

/** Rows through an adapter, for training. @param rows n x from, spent, as are the weights of that prefix */
export function adapt(jax: Jax, weights: Weights, prefix: string, rows: Tensor): Tensor {
  const { numpy: np, nn } = jax;
  const of = (name: ArrayName): Tensor => weights[`${prefix}.${name}`]!;
  const project = weights[`${prefix}.project`];
  const kept = project ? np.matmul(rows.ref, project) : rows.ref;
  const sum = kept.add(np.matmul(nn.gelu(np.matmul(rows, of("down"))), of("up")));
  const centred = sum.ref.sub(np.mean(sum, -1, { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(EPSILON)))
    .mul(of("gain"))
    .add(of("bias"));
}

/** A trained adapter, without the training library. */
export class Adapter {
  readonly shape: AdapterShape;
  readonly #arrays: AdapterArrays;

  constructor(shape: AdapterShape, arrays: AdapterArrays) {
    this.shape = shape;
    this.#arrays = arrays;
  }

  get arrays(): AdapterArrays {
    return this.#arrays;
  }

  get bytes(): number {
    return Object.values(this.#arrays).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** @throws MnemeError DIMENSION */
  apply(rows: Matrix): Matrix {
    const { from, to } = this.shape;
    if (rows.cols !== from)
      throw new MnemeError(
        "DIMENSION",
        `adapter: rows of ${rows.cols} values, it was trained for ${from}; give rows of that width`,
      );
    const out = matrix(rows.rows, to);
    for (let first = 0; first < rows.rows; first += BLOCK_ROWS) {
      const last = Math.min(rows.rows, first + BLOCK_ROWS);
      this.#block(rowsOf(rows, first, last), rowsOf(out, first, last).data);
    }
    return out;
  }

  #block({ rows, data }: Matrix, out: Float32Array): void {
    const { from, to, hidden } = this.shape;
    const { down, up, project } = this.#arrays;
    const inner = new Float32Array(rows * hidden);
    kernels().matmulF32(data, down!, inner, rows, from, hidden);
    for (let i = 0; i < inner.length; i++) inner[i] = gelu(inner[i]!);
    kernels().matmulF32(inner, up!, out, rows, hidden, to);
    const kept = project ? new Float32Array(rows * to) : data;
    if (project) kernels().matmulF32(data, project, kept, rows, from, to);
    for (let i = 0; i < out.length; i++) out[i]! += kept[i]!;
    for (let r = 0; r < rows; r++) this.#normalise(out.subarray(r * to, (r + 1) * to));
  }

  #normalise(row: Float32Array): void {
    const { gain, bias } = this.#arrays;
    let sum = 0;
    for (let i = 0; i < row.length; i++) sum += row[i]!;
    const mean = sum / row.length;
    let squares = 0;
    for (let i = 0; i < row.length; i++) squares += (row[i]! - mean) ** 2;
    const scale = 1 / Math.sqrt(squares / row.length + EPSILON);
    for (let i = 0; i < row.length; i++) row[i] = (row[i]! - mean) * scale * gain![i]! + bias![i]!;
  }

  /** Little-endian, without checksum. */
  serialize(): Uint8Array {
    const { from, to, hidden } = this.shape;
    const names = ARRAYS.filter((name) => this.#arrays[name]);
    return serialize(
      { id: "adapter", dim: from, to, hidden, names },
      names.map((name) => this.#arrays[name]!),
    );
  }
}

/** @throws MnemeError CORRUPT */
export function restoreAdapter(bytes: Uint8Array): Adapter {
  const { header, arrays } = deserialize(bytes);
  const names = header.names as readonly ArrayName[];
  if (header.id !== "adapter" || !Array.isArray(names))
    throw new MnemeError("CORRUPT", `adapter: bytes of ${JSON.stringify(header.id)} are no adapter`);
  const shape = { from: header.dim, to: Number(header.to), hidden: Number(header.hidden) };
  return new Adapter(shape, Object.fromEntries(names.map((name, i) => [name, asFloats(arrays[i]!)])));
}

function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(SPREAD * (x + 0.044715 * x * x * x)));
}
