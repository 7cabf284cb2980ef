/**
 * A store's namespace packed into parts of a segment, and read from there as a store that never changes: `keys` says which there are, `offsets`
 * where each value begins, `values` holds them. Keys that differ in a last number only are one entry: few bytes of RAM each. Numbers that
 * are not there, of lists without rows, have no bytes.
 */
import { asU32 } from "../../../bytes.ts";
import { MnemeError } from "../../../errors.ts";
import type { Entry, Key, MaybePromise, ReadableStore, Store, StoreStats } from "../../../storage/store.ts";
import type { Parts, SegmentSource } from "../../segment.ts";

/** Keys that begin alike: [whole key or what stands before the last number, numbers from 0 on; 0 for one whole key]. */
type Group = readonly [Key, number];

const U32_BYTES = 4;
const MOST_BYTES = 2 ** 32 - 1;

/** Everything in the namespace, as parts under `prefix`. None of the values is empty. @throws MnemeError RANGE (more than 4 GiB) */
export function packStore(store: Store, namespace: string, prefix: string): Parts {
  const groups: [Key, number][] = [];
  const values: Uint8Array[] = [];
  let bytes = 0;
  for (const { key, value } of store.range(namespace)) {
    for (let gap = count(groups, key); gap > 0; gap--) values.push(new Uint8Array(0));
    values.push(value.slice());
    bytes += value.length;
  }
  if (bytes > MOST_BYTES)
    throw new MnemeError("RANGE", `vectors: ${bytes} bytes of lists in one segment, at most ${MOST_BYTES}`);
  const offsets = new Uint32Array(values.length + 1);
  const packed = new Uint8Array(bytes);
  values.forEach((value, i) => {
    packed.set(value, offsets[i]!);
    offsets[i + 1] = offsets[i]! + value.length;
  });
  return new Map([
    [`${prefix}keys`, new TextEncoder().encode(JSON.stringify(groups))],
    [`${prefix}offsets`, new Uint8Array(offsets.buffer)],
    [`${prefix}values`, packed],
  ]);
}

/** @returns how many numbers before the key's are not there */
function count(groups: [Key, number][], key: Key): number {
  const last = key.at(-1);
  if (typeof last !== "number") {
    groups.push([key, 0]);
    return 0;
  }
  const before = key.slice(0, -1);
  const group = groups.at(-1);
  const isNext = group !== undefined && group[1] > 0 && nameOf(group[0]) === nameOf(before);
  const known = isNext ? group[1] : 0;
  if (isNext) group[1] = last + 1;
  else groups.push([before, last + 1]);
  return last - known;
}

const nameOf = (key: Key): string => key.join("\0");

/** @throws MnemeError CORRUPT: the parts do not fit together */
export async function openPacked(
  source: SegmentSource,
  prefix: string,
): Promise<ReadableStore & { bytes: number }> {
  const whole = ["keys", "offsets"].map((name) => prefix + name);
  const [keys, offsets] = await source.read(
    whole.map((part) => ({ part, start: 0, end: source.size(part) })),
  );
  const packed = new PackedStore(source, prefix, groupsOf(keys!, prefix), asU32(offsets!).slice());
  packed.check();
  return packed;
}

function groupsOf(bytes: Uint8Array, prefix: string): readonly Group[] {
  try {
    const groups = JSON.parse(new TextDecoder().decode(bytes)) as Group[];
    if (groups.every(([key, some]) => Array.isArray(key) && Number.isInteger(some))) return groups;
  } catch {
    // no groups: said below
  }
  throw new MnemeError("CORRUPT", `vectors: part ${prefix}keys is not readable; build the index anew`);
}

/** Rough bytes of an entry of a map. */
const ENTRY_BYTES = 120;

class PackedStore implements ReadableStore {
  readonly location: string;
  readonly writable = false;
  readonly #source: SegmentSource;
  readonly #part: string;
  readonly #offsets: Uint32Array;
  /** Place of a group's first value, and how many there are. */
  readonly #groups = new Map<string, { readonly first: number; readonly count: number }>();
  #count = 0;

  constructor(source: SegmentSource, prefix: string, groups: readonly Group[], offsets: Uint32Array) {
    this.location = `segment ${source.id}`;
    this.#source = source;
    this.#part = `${prefix}values`;
    this.#offsets = offsets;
    for (const [key, count] of groups) {
      this.#groups.set(nameOf(key), { first: this.#count, count });
      this.#count += Math.max(1, count);
    }
  }

  get bytes(): number {
    return this.#groups.size * ENTRY_BYTES + this.#offsets.byteLength;
  }

  check(): void {
    const size = this.#source.size(this.#part);
    const ascends = this.#offsets.every((offset, i) => i === 0 || offset >= this.#offsets[i - 1]!);
    if (ascends && this.#offsets.length === this.#count + 1 && this.#offsets[this.#count] === size) return;
    throw new MnemeError(
      "CORRUPT",
      `vectors: part ${this.#part} of segment ${this.#source.id} has ${size} bytes and ${this.#offsets.length * U32_BYTES} of offsets, which do not fit; build the index anew`,
    );
  }

  getMany(_namespace: string, keys: readonly Key[]): MaybePromise<(Uint8Array | undefined)[]> {
    const places = keys.map((key) => this.#placeOf(key));
    const ranges = places
      .filter((place) => place !== undefined)
      .map((place) => ({ part: this.#part, start: this.#offsets[place]!, end: this.#offsets[place + 1]! }));
    const spread = (values: readonly Uint8Array[]): (Uint8Array | undefined)[] => {
      let at = 0;
      return places.map((place) => (place === undefined ? undefined : values[at++]));
    };
    const values = this.#source.read(ranges);
    return values instanceof Promise ? values.then(spread) : spread(values);
  }

  range(): Iterable<Entry> {
    throw new MnemeError("UNSUPPORTED", "vectors: packed lists are read by key; nothing lists them");
  }

  generation(): number {
    return 0;
  }

  stats(): StoreStats {
    return { bytes: this.#source.size(this.#part), freeBytes: 0, tier: "disk" };
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #placeOf(key: Key): number | undefined {
    const whole = this.#groups.get(nameOf(key));
    if (whole && whole.count === 0) return whole.first;
    const last = key.at(-1);
    const group = typeof last === "number" ? this.#groups.get(nameOf(key.slice(0, -1))) : undefined;
    if (!group || (last as number) >= group.count) return undefined;
    const place = group.first + (last as number);
    return this.#offsets[place]! < this.#offsets[place + 1]! ? place : undefined;
  }
}
