/**
 * Work on other threads stands aside while somebody waits for an answer. A system gives threads of a low priority a core for milliseconds at
 * a time all the same, and searches would wait for it again and again.
 */

/** How long a thread stands aside at most before it has to come on as long: searches one after the other do not keep it for ever. */
const MOST_MS = 20;

/** How many wait for answers: one number that threads share. */
export class Answering {
  readonly count: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(4));

  /** To be disposed of when the answer is there. */
  begin(): Disposable {
    Atomics.add(this.count, 0, 1);
    return { [Symbol.dispose]: () => this.#end() };
  }

  /** The same parts; somebody waits for each from when it is asked for until it is there. */
  async *during<T>(parts: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = parts[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#waitingFor(() => iterator.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  async #waitingFor<T>(ask: () => Promise<T>): Promise<T> {
    using _ = this.begin();
    return await ask();
  }

  #end(): void {
    if (Atomics.sub(this.count, 0, 1) === 1) Atomics.notify(this.count, 0);
  }
}

let answering: Int32Array<SharedArrayBuffer> | undefined;
/** Milliseconds that this thread may still stand aside; it earns as much by work. */
let credit = MOST_MS;
let workedFrom = 0;

/** From now on this thread stands aside where it is told to; not for one that answers itself. @param count of an `Answering` */
export function standAsideFor(count: Int32Array<SharedArrayBuffer>): void {
  answering = count;
}

/** Called by long work every now and then, in its innermost loops: costs a look at memory where nobody waits. */
export function standAside(): void {
  if (answering === undefined || Atomics.load(answering, 0) === 0) return;
  wait(answering);
}

function wait(count: Int32Array<SharedArrayBuffer>): void {
  let now = performance.now();
  credit = Math.min(MOST_MS, credit + now - workedFrom);
  for (let waiting = Atomics.load(count, 0); waiting > 0 && credit > 0; waiting = Atomics.load(count, 0)) {
    const before = now;
    Atomics.wait(count, 0, waiting, credit);
    now = performance.now();
    credit -= now - before;
  }
  workedFrom = now;
}
