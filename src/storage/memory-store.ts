/**
 * memoryStore: an ordered Store in RAM, for tests, browsers and libraries that need not outlive the process. Not durable, so its
 * batches resolve at once. Stored values are private copies that are replaced, never changed, so reads hand them out uncopied.
 */
import { MnemeError } from "../errors.ts";
import { checkNamespace, collectWrites, type Write } from "./batch-log.ts";
import { decodeKey, encodeKey, encodeRange } from "./key.ts";
import { SCAN, type Scannable, type ScannedEntry } from "./scan.ts";
import { SortedMap } from "./sorted-map.ts";
import type { Batch, Entry, Key, RangeOptions, Store, StoreStats } from "./store.ts";

/** An empty store; `name` only shows in `location` and in messages. */
export function memoryStore(name = "memory"): Store {
  return new MemoryStore(name);
}

class MemoryStore implements Store, Scannable {
  readonly location: string;
  readonly writable = true;
  #entries: SortedMap<Uint8Array> | undefined = new SortedMap();
  #bytes = 0;
  #generation = 0;

  constructor(name: string) {
    this.location = name;
  }

  get(namespace: string, key: Key): Uint8Array | undefined {
    checkNamespace(namespace);
    return this.#live().get(toText(encodeKey(namespace, key)));
  }

  getMany(namespace: string, keys: readonly Key[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.get(namespace, key));
  }

  range(namespace: string, options: RangeOptions = {}): Iterable<Entry> {
    checkNamespace(namespace);
    const bounds = encodeRange(namespace, options);
    this.#live();
    return { [Symbol.iterator]: () => this.#iterate(toText(bounds.start), toText(bounds.end), options) };
  }

  firstKey(namespace: string, options: RangeOptions = {}): Key | undefined {
    for (const { key } of this.range(namespace, { ...options, limit: 1 })) return key;
    return undefined;
  }

  generation(): number {
    this.#live();
    return this.#generation;
  }

  async batch(fill: (batch: Batch) => void): Promise<number> {
    this.#live();
    const writes = collectWrites(fill);
    const entries = this.#live();
    for (const write of writes) this.#apply(entries, write);
    if (writes.length > 0) this.#generation++;
    return this.#generation;
  }

  async compact(): Promise<{ readonly bytesBefore: number; readonly bytesAfter: number }> {
    this.#live();
    return { bytesBefore: this.#bytes, bytesAfter: this.#bytes };
  }

  stats(): StoreStats {
    this.#live();
    return { bytes: this.#bytes, freeBytes: 0, tier: "ram" };
  }

  async close(): Promise<void> {
    this.#entries = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  *[SCAN](): Generator<ScannedEntry> {
    const generation = this.#generation;
    for (const [text, value] of this.#live().ascending("", "\u0100")) {
      yield { keyBytes: fromText(text), value };
      this.#live();
      if (this.#generation !== generation)
        throw new MnemeError(
          "STATE",
          `scan: ${this.location} was written meanwhile; write after it has ended`,
        );
    }
  }

  *#iterate(start: string, end: string, options: RangeOptions): Generator<Entry> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0 || start >= end) return;
    const entries = this.#live();
    for (const [text, value] of options.reverse
      ? entries.descending(start, end)
      : entries.ascending(start, end)) {
      yield { key: decodeKey(fromText(text))!.key, value };
      this.#live();
      if (--left <= 0) return;
    }
  }

  #apply(entries: SortedMap<Uint8Array>, write: Write): void {
    if (write.kind === "put") this.#put(entries, toText(write.key), new Uint8Array(write.value));
    else if (write.kind === "delete") this.#delete(entries, toText(write.key));
    else
      for (const [text] of [...entries.ascending(toText(write.start), toText(write.end))])
        this.#delete(entries, text);
  }

  #put(entries: SortedMap<Uint8Array>, key: string, value: Uint8Array): void {
    const before = entries.get(key);
    this.#bytes += value.length - (before ? before.length : -key.length);
    entries.set(key, value);
  }

  #delete(entries: SortedMap<Uint8Array>, key: string): void {
    const before = entries.get(key);
    if (before && entries.delete(key)) this.#bytes -= before.length + key.length;
  }

  #live(): SortedMap<Uint8Array> {
    if (this.#entries) return this.#entries;
    throw new MnemeError("DISPOSED", `store "${this.location}": used after close`);
  }
}

/** One character a byte: strings compare and hash natively. */
function toText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function fromText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
