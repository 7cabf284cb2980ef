/**
 * Documents to a shard in bounded memory: a block of them at a time is sorted by its suffixes and merged into the run of those before.
 * A large block is sorted in pieces that are merged first: sorting and merging want the cache, and the run of all is gone through once a
 * block. Memory: at most 7.5 bytes a byte of a block (a document is never cut, so at least those of the longest) and 2.1 of the shard.
 */

import { throwIfAborted } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { buildRun, type Fold, type Staged, sizeOf, stage } from "./build-run.ts";
import { mergeRuns } from "./merge-runs.ts";
import { allocRun, emptySize, type Run, sumSizes, widenRun } from "./run.ts";
import type { ShardHeader } from "./shard-format.ts";
import { type ByteSink, writeShard } from "./write-shard.ts";

export interface BuilderOptions {
  readonly fold: Fold;
  readonly sampleRate: number;
  readonly inverseRate: number;
  /** Bytes of documents that are merged into the shard together. */
  readonly blockBytes: number;
  /** Bytes of those that are sorted at once. Default 2 MiB: what the cache holds. */
  readonly pieceBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

const PIECE_BYTES = 2 << 20;

/** Cuts documents, one after the other in memory, into pieces that are sorted at once. */
function piecesOf({ at, lengths }: Staged, pieceBytes: number): Staged[] {
  const pieces: { at: number; lengths: number[] }[] = [];
  let [next, bytes] = [at, Number.POSITIVE_INFINITY];
  for (const length of lengths) {
    if (bytes + length > pieceBytes) {
      pieces.push({ at: next, lengths: [] });
      bytes = 0;
    }
    pieces.at(-1)!.lengths.push(length);
    next += length;
    bytes += length;
  }
  return pieces;
}

export class ShardBuilder {
  readonly #memory: FmMemory;
  readonly #options: BuilderOptions;
  readonly #base: number;
  /** Where documents wait to be sorted. */
  readonly #stage: number;
  #waiting: number[] = [];
  #waitingBytes = 0;
  #run: Run | undefined;
  #lengths: number[] = [];

  constructor(options: BuilderOptions, memory: FmMemory = new FmMemory()) {
    this.#options = options;
    this.#memory = memory;
    this.#stage = memory.alloc(options.blockBytes);
    this.#base = memory.top;
  }

  /** Bytes of the documents so far. */
  get textBytes(): number {
    const { rows, documentCount } = this.#run ?? emptySize;
    return rows - documentCount + this.#waitingBytes;
  }

  get documents(): number {
    return this.#lengths.length;
  }

  /** Takes a copy of a document. @throws MnemeError CANCELLED, BUDGET */
  async add(document: Uint8Array): Promise<void> {
    const { length } = document;
    if (this.#waitingBytes + length > this.#options.blockBytes) await this.sort();
    this.#lengths.push(length);
    if (length > this.#options.blockBytes) await this.#sort(() => stage(this.#memory, [document]), [length]);
    else if (length > 0) {
      this.#memory.u8(this.#stage + this.#waitingBytes, length).set(document);
      this.#waiting.push(length);
      this.#waitingBytes += length;
    }
  }

  /** Sorts the documents that wait. @throws MnemeError CANCELLED, BUDGET */
  async sort(): Promise<void> {
    const lengths = this.#waiting;
    if (lengths.length === 0) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#sort(() => ({ at: this.#stage, lengths }), lengths);
  }

  async #sort(staged: () => Staged, lengths: readonly number[]): Promise<void> {
    const { sampleRate, fold, signal } = this.#options;
    throwIfAborted(signal, "fm-index build");
    const memory = this.#memory;
    const before = this.#run;
    if (!before) {
      this.#run = await this.#sorted(staged(), sampleRate, fold);
      return;
    }
    // room for the parts of both, so that the run grows in place
    const wide = widenRun(memory, before, sumSizes(before, sizeOf(lengths, sampleRate)));
    const { top } = memory;
    this.#run = await mergeRuns(memory, wide, await this.#sorted(staged(), sampleRate, fold));
    memory.release(top);
  }

  /** The run of staged documents, the last thing handed out. */
  async #sorted(staged: Staged, rate: number, fold: Fold): Promise<Run> {
    const memory = this.#memory;
    let run: Run | undefined;
    for (const piece of piecesOf(staged, this.#options.pieceBytes ?? PIECE_BYTES)) {
      throwIfAborted(this.#options.signal, "fm-index build");
      if (!run) {
        run = buildRun(memory, piece, rate, fold);
        continue;
      }
      const wide = widenRun(memory, run, sumSizes(run, sizeOf(piece.lengths, rate)));
      const { top } = memory;
      run = await mergeRuns(memory, wide, buildRun(memory, piece, rate, fold));
      memory.release(top);
    }
    return run!;
  }

  /** Takes a run of later documents that `load` puts into kernel memory, of so large a size. */
  async merge(
    size: Parameters<typeof widenRun>[2],
    lengths: ArrayLike<number>,
    load: (run: Run) => Promise<void>,
  ): Promise<void> {
    await this.sort();
    throwIfAborted(this.#options.signal, "fm-index merge");
    const memory = this.#memory;
    for (const length of Array.from(lengths)) this.#lengths.push(length);
    if (!this.#run) {
      this.#run = allocRun(memory, size);
      await load(this.#run);
      return;
    }
    const wide = widenRun(memory, this.#run, sumSizes(this.#run, size));
    const { top } = memory;
    const more = allocRun(memory, size);
    await load(more);
    this.#run = await mergeRuns(memory, wide, more);
    memory.release(top);
  }

  /** Writes the shard and forgets its documents. @throws MnemeError CANCELLED, BUDGET; the sink's errors */
  async finish(sink: ByteSink): Promise<ShardHeader> {
    await this.sort();
    await new Pacer().pause();
    const { fold, sampleRate, inverseRate, signal } = this.#options;
    const memory = this.#memory;
    const run = this.#run ?? allocRun(memory, emptySize);
    const lengths = this.#lengths;
    this.#run = undefined;
    this.#lengths = [];
    const facts = { lengths, fold, sampleRate, inverseRate };
    const header = await writeShard(memory, run, facts, sink, () => throwIfAborted(signal, "fm-index build"));
    memory.release(this.#base);
    return header;
  }
}
