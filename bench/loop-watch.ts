/** LoopWatch: how long the event loop of this thread is held at a time, by a timer that should fire every few milliseconds. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

const BEAT_MS = 5;
/** A slice longer than this is one that a user notices. */
export const NOTICED_MS = 50;

export interface Slices {
  /** Milliseconds that the longest slice held the loop, waits for a core included. */
  readonly longest: number;
  /** Slices over NOTICED_MS. */
  readonly noticed: number;
  /** The longest without its waits for a core: what the slice itself did, the disk included. NaN where the system does not tell. */
  readonly longestWork: number;
  /** Cores that other processes kept busy meanwhile: where it is far from 0, the first two say little of this one. */
  readonly others: number;
}

/** Of several times as of one. */
export function joinedSlices(all: readonly Slices[]): Slices {
  return {
    longest: Math.max(...all.map(({ longest }) => longest)),
    longestWork: Math.max(...all.map(({ longestWork }) => longestWork)),
    noticed: all.reduce((sum, { noticed }) => sum + noticed, 0),
    others: all.reduce((sum, { others }) => sum + others, 0) / all.length,
  };
}

export class LoopWatch {
  #last = performance.now();
  #waited = waitedForCore();
  #longest = 0;
  #longestWork = 0;
  #noticed = 0;
  #stopped = false;
  readonly #started = performance.now();
  readonly #busy = busySeconds();
  readonly #own = ownSeconds();
  readonly #timer: NodeJS.Timeout = setInterval(() => this.#beat(), BEAT_MS);
  readonly #onContinue = (): void => {
    this.#stopped = true;
  };

  constructor() {
    process.on("SIGCONT", this.#onContinue);
  }

  stop(): Slices {
    clearInterval(this.#timer);
    process.off("SIGCONT", this.#onContinue);
    const seconds = (performance.now() - this.#started) / 1000;
    const others = (busySeconds() - this.#busy - (ownSeconds() - this.#own)) / seconds;
    return { longest: this.#longest, noticed: this.#noticed, longestWork: this.#longestWork, others };
  }

  #beat(): void {
    const held = performance.now() - this.#last - BEAT_MS;
    const waited = waitedForCore();
    // a time for which somebody stopped the process says nothing of it
    if (!this.#stopped) this.#count(held, waited - this.#waited);
    this.#stopped = false;
    this.#last = performance.now();
    this.#waited = waited;
  }

  #count(held: number, waited: number): void {
    this.#longest = Math.max(this.#longest, held);
    this.#longestWork = Math.max(this.#longestWork, held - waited);
    if (held > NOTICED_MS) this.#noticed++;
  }
}

/** Core seconds that were used on this machine since it started. */
function busySeconds(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) / 1000;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Milliseconds that this process's main thread was ready to run and had no core (Linux); NaN elsewhere. */
export function waitedForCore(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
