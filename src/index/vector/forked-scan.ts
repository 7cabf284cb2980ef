/** ForkedScan: other threads scan the runs that lie in blocks, beside what the caller does. One scan at a time: all write to one room. */
import type { ScanLayout, Scorer } from "../../codecs/codec.ts";
import type { Fork, LazyPool } from "../../kernels/index.ts";
import type { Run, ScannedRun } from "./run.ts";
import { Scratch } from "./scratch.ts";

/** From so many rows on a scan is worth waking threads for. */
const FORK_ROWS = 16_384;

/** A scan under way. What it scored is borrowed until it is disposed of. */
export interface Forked extends Disposable {
  /** Helps until all is scored. @returns scores of each run in blocks; undefined where threads failed */
  join(): ReadonlyMap<Run, Float32Array> | undefined;
}

/** Room for the scores of the runs in blocks among `runs`: whole blocks in `outs`, their rows in `scores`. */
interface Room {
  readonly runs: readonly Run[];
  readonly blocked: readonly ScannedRun[];
  readonly all: Float32Array;
  readonly outs: readonly Float32Array[];
  readonly scores: ReadonlyMap<Run, Float32Array>;
}

export class ForkedScan implements Disposable {
  readonly #pool: LazyPool | undefined;
  readonly #layout: ScanLayout | undefined;
  readonly #scratch = new Scratch();
  /** Most searches are of the runs of the one before. */
  #room: Room | undefined;
  #fork: Fork | undefined;

  /** @param pool borrowed @param layout of blocks */
  constructor(pool: LazyPool | undefined, layout: ScanLayout | undefined) {
    this.#pool = pool;
    this.#layout = layout;
  }

  get bytes(): number {
    return this.#scratch.bytes;
  }

  /** @returns undefined when threads have better to do, or it is not worth it */
  begin(runs: readonly Run[], scorer: Scorer): Forked | undefined {
    if (this.#fork || !scorer.blockScan) return undefined;
    const pool = runs.some((run) => isBlocked(run) && run.count >= FORK_ROWS) ? this.#pool?.pool : undefined;
    if (!pool) return undefined;
    const { blocked, outs, scores } = this.#roomFor(runs);
    const fork = pool.fork(blocked.map((run, i) => scorer.blockScan!(run.blocks!(), outs[i]!)));
    if (!fork) return undefined;
    this.#fork = fork;
    return {
      join: () => (fork.join() ? scores : undefined),
      [Symbol.dispose]: () => this.#release(fork),
    };
  }

  /** Runs have come or gone. */
  forget(): void {
    this.#room = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#fork) this.#release(this.#fork);
    this.#room = undefined;
    this.#scratch[Symbol.dispose]();
  }

  #release(fork: Fork): void {
    if (fork !== this.#fork) return;
    this.#fork = undefined;
    fork[Symbol.dispose]();
  }

  #roomFor(runs: readonly Run[]): Room {
    const known = this.#room;
    if (known?.runs === runs && this.#scratch.f32(known.all.length) === known.all) return known;
    const { bytes, rows } = this.#layout!;
    const blocked = runs.filter(isBlocked);
    const sizes = blocked.map((run) => (run.blocks!().length / bytes) * rows);
    const all = this.#scratch.f32(sizes.reduce((sum, size) => sum + size, 0));
    const outs: Float32Array[] = [];
    const scores = new Map<Run, Float32Array>();
    let at = 0;
    for (const [i, run] of blocked.entries()) {
      const out = all.subarray(at, at + sizes[i]!);
      at += out.length;
      outs.push(out);
      scores.set(run, out.subarray(0, run.count));
    }
    this.#room = { runs, blocked, all, outs, scores };
    return this.#room;
  }
}

const isBlocked = (run: Run): run is ScannedRun => "blocks" in run;
