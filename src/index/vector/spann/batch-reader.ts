/**
 * Reads of searches that go on side by side: once all of them wait, what several ask for is read once, and all of it in one batch. Pages are
 * read before lists, so that no search needs a list any more when others take its room.
 */
import type { ListReader } from "./list-reader.ts";
import type { PostingReader } from "./round.ts";

interface Request {
  /** Numbers of lists, or of pages. */
  readonly wanted: Uint32Array;
  /** Lists of the pages. */
  readonly lists: Uint32Array;
  readonly pointers: Float64Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Queue {
  readonly requests: Request[];
  /** Different ones that are read at once. */
  readonly most: number;
}

export class BatchReader implements PostingReader {
  readonly #reader: ListReader;
  readonly #lists: Queue;
  readonly #pages: Queue;
  /** Searches that do not wait for a read. */
  #running = 0;

  constructor(reader: ListReader) {
    this.#reader = reader;
    this.#lists = { requests: [], most: reader.mostLists };
    this.#pages = { requests: [], most: reader.mostPages };
  }

  get shape(): PostingReader["shape"] {
    return this.#reader.shape;
  }

  /** Of what is read once for several searches, once. */
  get counts(): PostingReader["counts"] {
    return this.#reader.counts;
  }

  get mostPages(): number {
    return this.#reader.mostPages;
  }

  rowsOf(list: number): number {
    return this.#reader.rowsOf(list);
  }

  radiusOf(list: number): number {
    return this.#reader.radiusOf(list);
  }

  pageOf(list: number, place: number): number {
    return this.#reader.pageOf(list, place);
  }

  lists(wanted: Uint32Array, pointers: Float64Array): Promise<void> {
    return this.#wait(this.#lists, wanted, wanted, pointers);
  }

  pages(lists: Uint32Array, pages: Uint32Array, pointers: Float64Array): Promise<void> {
    return this.#wait(this.#pages, pages, lists, pointers);
  }

  /** Runs searches side by side, all to their end. @throws what the first of them that failed did */
  async run<T>(searches: readonly (() => Promise<T>)[]): Promise<T[]> {
    this.#running += searches.length;
    const ended = await Promise.allSettled(
      searches.map(async (search) => {
        try {
          return await search();
        } finally {
          this.#stand();
        }
      }),
    );
    return ended.map((one) => {
      if (one.status === "rejected") throw one.reason;
      return one.value;
    });
  }

  #wait(queue: Queue, wanted: Uint32Array, lists: Uint32Array, pointers: Float64Array): Promise<void> {
    return new Promise((resolve, reject) => {
      queue.requests.push({ wanted, lists, pointers, resolve, reject });
      this.#stand();
    });
  }

  /** A search waits, or is at its end. */
  #stand(): void {
    this.#running--;
    if (this.#running > 0) return;
    if (this.#pages.requests.length > 0) void this.#serve(this.#pages);
    else if (this.#lists.requests.length > 0) void this.#serve(this.#lists);
  }

  async #serve(queue: Queue): Promise<void> {
    const { some, found } = fitting(queue);
    const numbers = Uint32Array.from(found.keys()).sort();
    const pointers = new Float64Array(numbers.length);
    try {
      const reading =
        queue === this.#pages
          ? this.#reader.pages(
              numbers.map((page) => found.get(page)!),
              numbers,
              pointers,
            )
          : this.#reader.lists(numbers, pointers);
      if (reading) await reading;
      for (let i = 0; i < numbers.length; i++) found.set(numbers[i]!, pointers[i]!);
      for (const { wanted, pointers: to } of some)
        for (let i = 0; i < wanted.length; i++) to[i] = found.get(wanted[i]!)!;
      this.#running += some.length;
      for (const { resolve } of some) resolve();
    } catch (error) {
      this.#running += some.length;
      for (const { reject } of some) reject(error);
    }
  }
}

/** Takes the oldest requests whose different numbers fit in one batch; the first one always does. @returns those numbers, with the lists of each */
function fitting({ requests, most }: Queue): { some: Request[]; found: Map<number, number> } {
  const found = new Map<number, number>();
  let taken = 0;
  for (const { wanted, lists } of requests) {
    let fresh = 0;
    // equal ones stand side by side
    for (let i = 0; i < wanted.length; i++)
      if (!found.has(wanted[i]!) && (i === 0 || wanted[i] !== wanted[i - 1])) fresh++;
    if (taken > 0 && found.size + fresh > most) break;
    for (let i = 0; i < wanted.length; i++) found.set(wanted[i]!, lists[i]!);
    taken++;
  }
  return { some: requests.splice(0, taken), found };
}
