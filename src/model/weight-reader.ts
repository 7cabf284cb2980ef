/**
 * Reads the weights of a checkpoint to where they belong in kernel memory, part by part in the order of a step: each when it is needed first,
 * out of what was kept of them or else out of the checkpoint. What they are, and how large, is known and checked before.
 */
import { isMnemeError, MnemeError } from "../errors.ts";
import type { Pool, Region, WasmFace } from "../kernels/index.ts";
import type { StoredRegions } from "../storage/region-file.ts";
import { BlockPlacer } from "../weights/block-placer.ts";
import { type LinearWeights, linearBytes } from "../weights/linear-weights.ts";
import type { TensorSource } from "../weights/tensor-source.ts";

/** A side of a matrix: its length, or that and the length that zeros fill it up to. */
export type Side = number | readonly [length: number, padded: number];

/** Tensors that lie one behind the other, with their rows, or values. */
export type Stack = readonly (readonly [tensor: string, side: Side])[];

/** Values that are read and encoded at once, about: near enough to be read again fast. Whole heads of rows, which may be put in another order. */
const VALUES_AT_ONCE = 1 << 18;
/** The same of blocks that are taken as they are stored: threads share what is read at once. */
const STORED_AT_ONCE = 1 << 21;
const ROWS_AT_LEAST = 64;

export interface WeightReaderOptions {
  /** Regions of the same weights from before, by `nameOf`: what it has is not encoded again. Closed with the reader. */
  readonly stored?: (StoredRegions & Partial<Disposable>) | undefined;
  /** Threads that help, over a memory. */
  readonly threads?: (face: WasmFace) => Pool | undefined;
  /** Called once all stands in its place. @param isKept whether `stored` had all of it */
  readonly whenRead?: (isKept: boolean) => void;
}

export class WeightReader implements Disposable {
  readonly #source: TensorSource;
  readonly #placer: BlockPlacer;
  readonly #whenRead: (isKept: boolean) => void;
  #stored: WeightReaderOptions["stored"];
  /** What is still to be read, the next part first. */
  readonly #parts: (() => void)[][] = [];
  #read = 0;
  /** Of blocks that are read at once, at most. */
  #pieceBytes = 0;
  /** Bytes of matrices with values that the checkpoint has otherwise than they are held. */
  encodedBytes = 0;

  /** @param source closed with the reader, or once all is read */
  constructor(source: TensorSource, { stored, threads, whenRead = () => {} }: WeightReaderOptions = {}) {
    this.#source = source;
    this.#stored = stored;
    this.#placer = new BlockPlacer(threads);
    this.#whenRead = whenRead;
  }

  /** Takes the memory that reading wants besides. @throws MnemeError BUDGET */
  reserve(face: WasmFace): void {
    if (this.#pieceBytes > 0) this.#placer.reserve(face, this.#pieceBytes);
  }

  /** What is added from here on is a part of its own. */
  beginPart(): void {
    this.#parts.push([]);
  }

  /** @throws MnemeError FORMAT naming a tensor that is missing or of another shape, UNSUPPORTED one of a dtype that is not read */
  checkShapes(stack: Stack, columns?: number): void {
    for (const [name, side] of stack) {
      const rows = sidesOf(side)[0];
      checkShape(this.#source, name, columns === undefined ? [rows] : [rows, columns]);
      this.#source.blockType?.(name);
    }
  }

  addMatrix(weights: LinearWeights, columns: Side, stack: Stack): void {
    const held = stack.filter(([name]) => this.#isHeld(weights, columns, name));
    if (held.length < stack.length) this.encodedBytes += weights.bytes;
    for (const [, side] of held) {
      const rows = Math.min(sidesOf(side)[0], rowsAtOnce(STORED_AT_ONCE, columns));
      this.#pieceBytes = Math.max(this.#pieceBytes, linearBytes(weights.precision, rows, weights.columns));
    }
    this.#parts.at(-1)!.push(() => {
      if (!this.#fillStored(stack, weights.region)) this.#fill(weights, columns, stack);
    });
  }

  /** @param offset added to all values */
  addVector(region: Region, stack: Stack, offset: number): void {
    this.#parts.at(-1)!.push(() => {
      if (!this.#fillStored(stack, region)) join(region, this.#source, stack, offset);
    });
  }

  /**
   * Reads the parts up to number `last`, as far as they are not yet read.
   * @throws MnemeError CORRUPT, IO naming the file: of a part that failed nothing counts as read
   */
  read(last: number): void {
    while (this.#read <= last && this.#parts.length > 0) {
      try {
        for (const fill of this.#parts[0]!) fill();
      } finally {
        this.#placer.join();
      }
      this.#source.checkUnchanged?.();
      this.#parts.shift();
      this.#read++;
      if (this.#parts.length > 0) continue;
      const isKept = this.#stored !== undefined;
      this[Symbol.dispose]();
      this.#whenRead(isKept);
    }
  }

  /** Whether a tensor's blocks are what is held of it. */
  #isHeld(weights: LinearWeights, columns: Side, tensor: string): boolean {
    const [wide, padded] = sidesOf(columns);
    return wide === padded && weights.takes(this.#source.blockType?.(tensor));
  }

  /** Of what was kept; where that turns out to be damaged, from here on nothing is taken out of it. */
  #fillStored(stack: Stack, region: Region): boolean {
    try {
      return this.#stored?.fill(nameOf(stack), region.u8()) === true;
    } catch (error) {
      if (!isMnemeError(error, "CORRUPT")) throw error;
      this.#closeStored();
      return false;
    }
  }

  /** Rows of a matrix, one tensor's behind the other's; blocks may be under way. */
  #fill(weights: LinearWeights, columns: Side, stack: Stack): void {
    const source = this.#source;
    const [wide, padded] = sidesOf(columns);
    const roomFor = (bytes: number): Uint8Array => this.#placer.roomFor(weights.face, bytes);
    let first = 0;
    for (const [name, side] of stack) {
      const [rows, paddedRows] = sidesOf(side);
      const isHeld = this.#isHeld(weights, columns, name);
      const atOnce = rowsAtOnce(isHeld ? STORED_AT_ONCE : VALUES_AT_ONCE, columns);
      for (let row = 0; row < rows; row += atOnce) {
        const some = Math.min(atOnce, rows - row);
        if (isHeld) {
          const blocks = source.readBlocks!(name, row * wide, some * wide, roomFor)!;
          this.#placer.place(weights, first + row, blocks);
          continue;
        }
        const values = source.read(name, row * wide, some * wide);
        weights.set(first + row, wide === padded ? values : widened(values, wide, padded));
      }
      if (paddedRows > rows) weights.set(first + rows, new Float32Array((paddedRows - rows) * padded));
      first += paddedRows;
    }
  }

  #closeStored(): void {
    this.#stored?.[Symbol.dispose]?.();
    this.#stored = undefined;
  }

  [Symbol.dispose](): void {
    this.#parts.length = 0;
    this.#placer[Symbol.dispose]();
    this.#closeStored();
    this.#source[Symbol.dispose]();
  }
}

export function sidesOf(side: Side): readonly [number, number] {
  return typeof side === "number" ? [side, side] : side;
}

/** Whole parts of heads. @param values about */
function rowsAtOnce(values: number, columns: Side): number {
  return Math.max(1, Math.floor(values / sidesOf(columns)[0] / ROWS_AT_LEAST)) * ROWS_AT_LEAST;
}

/** Of all tensors, each filled up. */
export function lengthOf(stack: Stack): number {
  return stack.reduce((sum, [, side]) => sum + sidesOf(side)[1], 0);
}

/** Of the region that the tensors share. */
export const nameOf = (stack: Stack): string => stack.map(([name]) => name).join("+");

/** Rows with zeros behind them. */
function widened(values: Float32Array, columns: number, padded: number): Float32Array {
  const out = new Float32Array((values.length / columns) * padded);
  for (let row = 0; row * columns < values.length; row++)
    out.set(values.subarray(row * columns, (row + 1) * columns), row * padded);
  return out;
}

/** Vectors one behind the other, each filled up with zeros. @param offset added to all values */
function join(region: Region, source: TensorSource, stack: Stack, offset: number): void {
  const all = region.f32().fill(0);
  let at = 0;
  for (const [name, side] of stack) {
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
