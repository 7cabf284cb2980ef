/**
 * What codes a list's rows coarsely: blocks of 32 rows that are scanned whole, from which the squared distances of rows are estimated. A block:
 * for each 4 bits of a code 16 bytes, byte i with those of row i below and of row i + 16 above; then parts of whole bytes, of each part one of
 * every row.
 */

/** Rows side by side in a block. */
export const BLOCK_ROWS = 32;

/** A squared distance that no row has. */
export const NOWHERE = 1e30;

/** A part of what stands behind a block's codes: where it begins there, and bytes of a row. */
export type TailPart = readonly [at: number, bytes: number];

export interface CoarseBlocks {
  /** Whole blocks, filled up with zeros. */
  readonly coarse: Uint8Array;
  /** What the rows' estimates are wrong by, as `CoarseCoder.spread` counts it. */
  readonly radius: number;
}

export interface CoarseCoder {
  /** As it is stored. */
  readonly id: string;
  readonly dim: number;
  /** Bytes of a row in a block, with its share of the tail. */
  readonly rowBytes: number;
  readonly tail: readonly TailPart[];
  /** Where in the tail the upper half of `add` stands: |q - x|^2 = |q - c|^2 + add - 2 <q, r>. */
  readonly addAt: number;
  /** Deviation of an estimate of <q - c, r>: this times |q - c| times the list's radius over the root of the dimension. */
  readonly spread: number;
  readonly bytes: number;
  /** @param residuals rows less their centre, count x dim: used up */
  encode(residuals: Float32Array, centre: Float32Array): CoarseBlocks;
  /** A query against such blocks, reused from query to query. */
  query(): CoarseQuery;
}

export interface CoarseQuery extends Disposable {
  readonly bytes: number;
  set(query: Float32Array): void;
  /**
   * Of each row of some blocks minus its estimated squared distance.
   * @param codes pointer. @param far squared distance of the centre, or what is taken for it. @param out pointer to 32 f32 a block
   */
  scan(codes: number, blocks: number, far: number, out: number): void;
}

/** Codes as `about` names them: a codec's id, and the bytes that it is stored in; none where nothing was trained. */
export interface StoredCodes {
  readonly id: string;
  readonly bytes: number;
}

export const oneBit: StoredCodes = { id: "rabitq1", bytes: 0 };

/** Bytes of a block of which a row has `rowBytes`, and where its tail begins. */
export function blockOf({ rowBytes, tail }: Pick<CoarseCoder, "rowBytes" | "tail">): {
  bytes: number;
  tailAt: number;
} {
  const bytes = BLOCK_ROWS * rowBytes;
  return { bytes, tailAt: bytes - tail.reduce((sum, [, some]) => sum + some * BLOCK_ROWS, 0) };
}

/** Puts a row of some blocks in the place of another: places count over all blocks. */
export function putRow(
  coder: Pick<CoarseCoder, "rowBytes" | "tail">,
  blocks: Uint8Array,
  place: number,
  from: Uint8Array,
  fromPlace: number,
): void {
  const { bytes: blockBytes, tailAt } = blockOf(coder);
  const [lane, fromLane] = [place % BLOCK_ROWS, fromPlace % BLOCK_ROWS];
  const to = Math.floor(place / BLOCK_ROWS) * blockBytes;
  const start = Math.floor(fromPlace / BLOCK_ROWS) * blockBytes;
  const shift = lane < 16 ? 0 : 4;
  const fromShift = fromLane < 16 ? 0 : 4;
  for (let at = 0; at < tailAt; at += 16) {
    const nibble = (from[start + at + (fromLane & 15)]! >> fromShift) & 15;
    const byte = to + at + (lane & 15);
    blocks[byte] = (blocks[byte]! & ~(15 << shift)) | (nibble << shift);
  }
  for (const [at, bytes] of coder.tail)
    for (let i = 0; i < bytes; i++)
      blocks[to + tailAt + at + lane * bytes + i] = from[start + tailAt + at + fromLane * bytes + i]!;
}

const one = new DataView(new ArrayBuffer(4));

/** The upper half of an f32, rounded. */
export function upperHalf(value: number): number {
  one.setFloat32(0, value);
  return Math.min(0xffff_ffff, one.getUint32(0) + 0x8000) >>> 16;
}

/** The f32 whose upper half that is. */
export function fromUpperHalf(half: number): number {
  one.setUint32(0, half * 0x1_0000);
  return one.getFloat32(0);
}
