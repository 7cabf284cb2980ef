/** A page of a cache: keys and values of 64 slots of one head, which several caches may share. */
import { PAGE_SLOTS, type Region, type WasmFace } from "../kernels/index.ts";
import { PAGE_CODECS, type PageCodec, pageBytes } from "./page-codec.ts";

/** Words of an entry of a page table, as the kernels read it. */
export const ENTRY_WORDS = 4;

/** Keys and values of 64 slots. */
export class Page {
  readonly region: Region;
  readonly codec: PageCodec;
  /** What is added to the slots' logits. */
  bias: Region | undefined;
  owners = 1;

  constructor(region: Region, codec: PageCodec) {
    this.region = region;
    this.codec = codec;
  }

  get bytes(): number {
    return this.region.byteLength + (this.bias?.byteLength ?? 0);
  }

  release(): void {
    if (--this.owners > 0) return;
    this.region[Symbol.dispose]();
    this.bias?.[Symbol.dispose]();
  }
}

/** All zero. */
export function newPage({ arena }: WasmFace, dim: number, codec: PageCodec): Page {
  const { keys, values } = pageBytes(codec, dim);
  const region = arena.alloc(keys + values);
  // pages are read whole by the kernels, also behind the last slot
  region.u8().fill(0);
  return new Page(region, codec);
}

/** What a page table says of a page. */
export function entryOf({ region, codec, bias }: Page, dim: number): number[] {
  const values = region.pointer + pageBytes(codec, dim).keys;
  return [region.pointer, values, bias?.pointer ?? 0, PAGE_CODECS.indexOf(codec)];
}

/** Another region of the same bytes. */
export function copyOf({ arena }: WasmFace, region: Region): Region {
  const copy = arena.alloc(region.byteLength);
  copy.u8().set(region.u8());
  return copy;
}

/** What the pages of some slots, ascending, are made of: a page as it is, by its number, or slots of several. */
export function pagesOf(slots: Int32Array, all: number): (number | Int32Array)[] {
  const moves: (number | Int32Array)[] = [];
  for (let at = 0; at < slots.length; at += PAGE_SLOTS) {
    const some = slots.subarray(at, at + PAGE_SLOTS);
    const first = some[0]!;
    const whole = first % PAGE_SLOTS === 0 && some.length === Math.min(PAGE_SLOTS, all - first);
    moves.push(whole && some.at(-1) === first + some.length - 1 ? first / PAGE_SLOTS : some);
  }
  return moves;
}
