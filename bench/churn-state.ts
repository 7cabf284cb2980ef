/** What a run of the churn benchmark knows beside the index: which rows are there, how long searches waited, and a file to go on from. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Manifold } from "../src/eval/synth-manifold.ts";
import { type Matrix, matrix, rowOf } from "../src/linalg/matrix.ts";
import { Random } from "../src/linalg/random.ts";

/** Clusters that rows of a round come from, further on in each. */
const SHIFT = 7;

/** Rows that are there: one matrix, for a million views of it would be what the collector stops searches for. */
export class Live {
  readonly rows: Matrix;
  /** Of each row. */
  readonly ids: Uint32Array;
  /** Places of the rows, in the order in which they came. */
  #order: number[];

  /** @param rows owned, those of ids from 0 on */
  constructor(rows: Matrix) {
    this.rows = rows;
    this.ids = Uint32Array.from({ length: rows.rows }, (_, row) => row);
    this.#order = Array.from(this.ids);
  }

  get order(): readonly number[] {
    return this.#order;
  }

  apply({ places, first, fresh }: RoundOfChanges): void {
    const gone = new Set(places);
    this.#order = [...this.#order.filter((place) => !gone.has(place)), ...places];
    places.forEach((place, i) => {
      this.ids[place] = first + i;
      rowOf(this.rows, place).set(rowOf(fresh, i));
    });
  }
}

export interface RoundOfChanges {
  /** Where the rows lie that go, and then those that come. */
  readonly places: readonly number[];
  readonly dead: readonly number[];
  /** Id of the first row that comes. */
  readonly first: number;
  readonly fresh: Matrix;
}

export const manifoldOf = (round: number, dim: number): Manifold =>
  new Manifold(dim, round === 0 ? {} : { shift: SHIFT * round });

/** A share of the rows goes, and as many come from other clusters. The same for the same rows. @param round from 1 on */
export function changesOf(live: Live, round: number, share: number, dim: number): RoundOfChanges {
  const { ids, order } = live;
  const count = Math.round(ids.length * share);
  const random = new Random(5 + round);
  const places = random.shuffle(random.sample(ids.length, count).map((i) => order[i]!));
  const dead = places.map((place) => ids[place]!);
  const first = ids.length + (round - 1) * count;
  const fresh = matrix(count, dim);
  manifoldOf(round, dim).fill(first, fresh.data);
  return { places, dead, first, fresh };
}

const [LEAST_MS, STEP, BINS] = [0.01, 1.02, 1000];

/** Counts of times in bins of 2%: quantiles of many runs from few bytes. */
export class Times {
  readonly counts: number[];

  constructor(counts: readonly number[] = []) {
    this.counts = Array.from({ length: BINS }, (_, bin) => counts[bin] ?? 0);
  }

  add(ms: number): void {
    const bin = Math.floor(Math.log(Math.max(1, ms / LEAST_MS)) / Math.log(STEP));
    this.counts[Math.min(BINS - 1, bin)]!++;
  }

  merge({ counts }: Times): void {
    counts.forEach((count, bin) => (this.counts[bin]! += count));
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** Milliseconds that a share of the times does not exceed. */
  quantile(share: number): number {
    let left = share * this.count;
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.counts[bin]!;
      if (left <= 0) return LEAST_MS * STEP ** (bin + 1);
    }
    return Number.NaN;
  }
}

/** Times between searches: as the clock has them, without waits for a core, and the thread's own CPU. */
export interface Pauses {
  readonly clock: Times;
  readonly work: Times;
  readonly cpu: Times;
}

export const noPauses = (): Pauses => ({ clock: new Times(), work: new Times(), cpu: new Times() });

export function mergePauses(all: Pauses, { clock, work, cpu }: Pauses): void {
  all.clock.merge(clock);
  all.work.merge(work);
  all.cpu.merge(cpu);
}

export interface Progress {
  /** Rounds that are over. */
  round: number;
  readonly pauses: Pauses;
  /** Milliseconds an update, by the clock and of CPU, of each round. */
  readonly updateMs: number[];
  readonly updateCpuMs: number[];
  /** Bytes of an index that was built anew. */
  freshBytes: number;
}

export const noProgress = (): Progress => ({
  round: 0,
  pauses: noPauses(),
  updateMs: [],
  updateCpuMs: [],
  freshBytes: 0,
});

/** @returns undefined where nothing is kept */
export function readProgress(path: string): Progress | undefined {
  if (!existsSync(path)) return undefined;
  const kept = JSON.parse(readFileSync(path, "utf8")) as Progress;
  const { clock, work, cpu } = kept.pauses;
  const pauses = {
    clock: new Times(clock.counts),
    work: new Times(work.counts),
    cpu: new Times(cpu.counts),
  };
  return { ...kept, pauses };
}

export function writeProgress(path: string, progress: Progress): void {
  writeFileSync(`${path}.new`, JSON.stringify(progress));
  renameSync(`${path}.new`, path);
}

export interface OwnTime {
  readonly cpu: number;
  readonly waited: number;
}

/** Milliseconds of CPU that this thread has had, and that it waited for a core (Linux); NaN elsewhere. */
export function ownTime(): OwnTime {
  try {
    const [cpu, waited] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ");
    return { cpu: Number(cpu) / 1e6, waited: Number(waited) / 1e6 };
  } catch {
    return { cpu: Number.NaN, waited: Number.NaN };
  }
}
