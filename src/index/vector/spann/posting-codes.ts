/**
 * Which coarse codes the lists of an index have: chosen when it is built, trained where they must be, stored with it. What they were trained to
 * stays as it is while rows come and go: directions from centres that are split and moved with the rows change little.
 */
import { type Codec, parseCodec, restoreCoder } from "../../../codecs/index.ts";
import { PqCoder } from "../../../codecs/pq.ts";
import { MnemeError } from "../../../errors.ts";
import { type Matrix, matrix, Random, rowOf } from "../../../linalg/index.ts";
import { readPages, writePages } from "../../../storage/pages.ts";
import type { Batch, MaybePromise, ReadableStore } from "../../../storage/store.ts";
import { type About, spaceOf } from "./about.ts";
import type { Assignment } from "./assign.ts";
import { type CoarseCoder, oneBit } from "./coarse-codes.ts";
import { OneBitCodes, oneBitBytes } from "./one-bit-codes.ts";
import type { Points } from "./points.ts";
import { isDamage, NAMESPACE } from "./postings.ts";
import { PRODUCT_TAIL_BYTES, ProductCodes, toDirections } from "./product-codes.ts";

/** Rows that product codes are trained on: at most, and at least, where an index begins with few random directions stand for those to come. */
const SAMPLE_ROWS = 8192;
const LEAST_ROWS = 512;
/** Everything coded hangs on them: they are there twice. */
const PARTS = ["codes", "codes copy"] as const;

/** What an index is to be coded with, before it is trained. */
export interface CodesWish {
  /** Bytes of a row in a block. */
  readonly rowBytes: number;
  /** None where there is nothing to train. */
  readonly codec: Codec | undefined;
}

/** Codes, and what was trained of them as it is stored. */
export interface TrainedCodes {
  readonly codes: CoarseCoder;
  readonly stored: Uint8Array;
}

/**
 * @param recipe "rabitq1"; "pq4": as many parts as take the same bytes, after a random rotation; or a codec such as "pq4x32-opq"
 * @throws MnemeError ARGUMENT
 */
export function wishFor(recipe: string, dim: number): CodesWish {
  const bytes = oneBitBytes(dim);
  if (recipe === oneBit.id) return { codec: undefined, rowBytes: bytes };
  if (recipe === "pq4") {
    const parts = Math.max(1, Math.min(dim, 2 * (bytes - PRODUCT_TAIL_BYTES)));
    return wishFor(`pq4x${parts}-random`, dim);
  }
  const parts = Number(/^pq4x(\d+)(-random|-opq)?$/.exec(recipe)?.[1] ?? 0);
  if (parts < 1 || parts > dim)
    throw new MnemeError(
      "ARGUMENT",
      `spann: codes ${JSON.stringify(recipe)} of rows of ${dim} values; use "rabitq1", "pq4" or "pq4xPARTS", -random or -opq, of at most a part a value`,
    );
  return { codec: parseCodec(recipe), rowBytes: Math.ceil(parts / 4) * 2 + PRODUCT_TAIL_BYTES };
}

/** @param sample directions of rows from their centres */
export async function trained(
  { codec }: CodesWish,
  dim: number,
  seed: number,
  sample: () => Promise<Matrix>,
): Promise<TrainedCodes> {
  if (!codec) return { codes: new OneBitCodes(dim, seed), stored: new Uint8Array(0) };
  const stored = codec.fit(await sample(), { seed }).serialize();
  return { codes: productOf(stored), stored };
}

/** Directions of some rows from the centre of one of their lists. */
export async function sampleDirections(
  points: Points,
  { starts, rows }: Assignment,
  centres: Matrix,
  seed: number,
): Promise<Matrix> {
  const random = new Random(seed);
  const places = random.sample(points.rows, Math.min(SAMPLE_ROWS, points.rows));
  const listOf = new Map(places.map((row) => [row, -1]));
  for (let list = 0; list < centres.rows; list++)
    for (let i = starts[list]!; i < starts[list + 1]!; i++)
      if (listOf.get(rows[i]!) === -1) listOf.set(rows[i]!, list);
  const picked = await points.pick(places);
  const sample = matrix(Math.max(LEAST_ROWS, places.length), centres.cols);
  places.forEach((row, r) => {
    const [values, centre] = [rowOf(picked, r), rowOf(centres, listOf.get(row)!)];
    for (let i = 0; i < centres.cols; i++) sample.data[r * centres.cols + i] = values[i]! - centre[i]!;
  });
  const drawn = sample.data.subarray(places.length * centres.cols);
  for (let i = 0; i < drawn.length; i++) drawn[i] = random.gaussian();
  toDirections(sample.data, sample.cols);
  return sample;
}

export function putCodes(batch: Batch, name: string, stored: Uint8Array): void {
  for (const part of PARTS) writePages(batch, NAMESPACE, [name, part], stored);
}

/**
 * @param lost where the copy is to be read if need be: what cannot be read is named in it
 * @throws MnemeError CORRUPT, VERSION where this build does not know the codec
 */
export async function readCodes(
  store: ReadableStore,
  name: string,
  about: About,
  lost: string[] | undefined,
): Promise<TrainedCodes> {
  const { id, bytes } = about.codes;
  if (id === oneBit.id)
    return { codes: new OneBitCodes(spaceOf(about).width, about.seed), stored: new Uint8Array(0) };
  const read = (part: string): MaybePromise<Uint8Array> =>
    readPages(store, NAMESPACE, [name, part], 0, bytes);
  try {
    const stored = await read(PARTS[0]);
    return { codes: productOf(stored), stored };
  } catch (error) {
    if (!lost || !isDamage(error)) throw error;
    lost.push(PARTS[0]);
    const stored = await read(PARTS[1]);
    return { codes: productOf(stored), stored };
  }
}

function productOf(stored: Uint8Array): ProductCodes {
  const coder = restoreCoder(stored);
  if (coder instanceof PqCoder && coder.bits === 4) return new ProductCodes(coder);
  throw new MnemeError(
    "VERSION",
    `spann: lists of codes ${coder.id} are not known to this build; use the version that wrote them`,
  );
}
