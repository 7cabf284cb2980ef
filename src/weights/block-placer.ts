/**
 * Stored blocks on the way to their tiles: threads place the piece that was read last while the caller reads the next one. Most of the time goes
 * into memory that is touched first, and into reading, which one thread does.
 */
import type { Fork, Pool, Region, WasmFace } from "../kernels/index.ts";
import type { LinearWeights } from "./linear-weights.ts";
import type { StoredBlocks } from "./tensor-source.ts";

/** A piece under way. */
interface Placing {
  readonly fork: Fork;
  /** Once the threads are done; does itself what they could not. */
  readonly finish: (isDone: boolean) => void;
}

export class BlockPlacer implements Disposable {
  readonly #threads: (face: WasmFace) => Pool | undefined;
  /** The memory that the rooms are in. */
  #face: WasmFace | undefined;
  /** What is read to, in turns: while a piece is placed out of one the other takes the next. */
  readonly #rooms: [Region | undefined, Region | undefined] = [undefined, undefined];
  #turn: 0 | 1 = 0;
  #placing: Placing | undefined;

  /** @param threads that help, over a memory */
  constructor(threads: (face: WasmFace) => Pool | undefined = () => undefined) {
    this.#threads = threads;
  }

  /** Takes the memory that pieces of so many bytes will want. @throws MnemeError BUDGET */
  reserve(face: WasmFace, bytes: number): void {
    this.#face = face;
    for (const turn of [0, 1] as const) this.#rooms[turn] ??= face.arena.alloc(bytes);
  }

  /** Memory for the bytes that `place` is given next, near the weights that they go to: so they are not copied on their way. */
  roomFor(face: WasmFace, bytes: number): Uint8Array {
    if (this.#face !== face) this.#leave();
    this.#face = face;
    const room = this.#rooms[this.#turn];
    if (!room || room.byteLength < bytes) {
      room?.[Symbol.dispose]();
      this.#rooms[this.#turn] = undefined;
      this.#rooms[this.#turn] = face.arena.alloc(bytes);
    }
    return this.#rooms[this.#turn]!.u8().subarray(0, bytes);
  }

  /**
   * Takes rows from number `first` on as they are stored, without another rounding; they stand there once `join` has returned. What was
   * placed before does then. @param blocks borrowed until then where they lie in the weights' own memory
   * @returns whether it can
   */
  place(weights: LinearWeights, first: number, blocks: StoredBlocks): boolean {
    if (!weights.takes(blocks.type)) return false;
    const { face } = weights;
    let { bytes } = blocks;
    if (!face.arena.holds(bytes)) {
      bytes = this.roomFor(face, bytes.length);
      bytes.set(blocks.bytes);
    }
    this.join();
    const leftOut = face.arena.alloc(4);
    leftOut.u32()[0] = 0;
    const scan = weights.placing(first, bytes, leftOut.pointer);
    const finish = (isDone: boolean): void => {
      using left = leftOut;
      if (!isDone) face.instance.exports[scan.kernel](...scan.args);
      if (left.u32()[0]! > 0) weights.setOddBlocks(first, bytes);
    };
    const fork = this.#threads(face)?.fork([scan]);
    if (fork) this.#placing = { fork, finish };
    else finish(false);
    this.#turn = this.#turn === 0 ? 1 : 0;
    return true;
  }

  /** Helps until all stands in its place. */
  join(): void {
    const placing = this.#placing;
    this.#placing = undefined;
    placing?.finish(placing.fork.join());
  }

  [Symbol.dispose](): void {
    this.#leave();
  }

  #leave(): void {
    this.join();
    for (const turn of [0, 1] as const) {
      this.#rooms[turn]?.[Symbol.dispose]();
      this.#rooms[turn] = undefined;
    }
  }
}
