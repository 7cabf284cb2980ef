/** Arena: memory of the kernels, handed out in regions. First-fit free list, neighbours joined; grows to just below 4 GiB. */
import { MnemeError } from "../errors.ts";

const PAGE = 65_536;
const ALIGN = 64;
/** Below lie constants of the kernels, from 1024 on (scripts/build-kernels.mjs), and before them nothing: a zero pointer stays invalid. */
const FIRST = 2048;
/** One page short of what 32 bits address: the end of a region there would be a pointer of 0, and a loop up to it would do nothing. */
const MOST_PAGES = 65_535;

interface Span {
  start: number;
  end: number;
}

interface Views {
  readonly buffer: ArrayBuffer;
  u8?: Uint8Array;
  i8?: Int8Array;
  u16?: Uint16Array;
  u32?: Uint32Array;
  i32?: Int32Array;
  f32?: Float32Array;
  f64?: Float64Array;
}

/** A piece of kernel memory. Views are made on demand and kept: of plain memory they are valid until the next allocation grows it. */
export class Region implements Disposable {
  readonly pointer: number;
  readonly byteLength: number;
  readonly #arena: Arena;
  #freed = false;
  #views: Views | undefined;

  constructor(arena: Arena, pointer: number, byteLength: number) {
    this.#arena = arena;
    this.pointer = pointer;
    this.byteLength = byteLength;
  }

  u8(): Uint8Array {
    const views = this.#current();
    views.u8 ??= new Uint8Array(views.buffer, this.pointer, this.byteLength);
    return views.u8;
  }

  i8(): Int8Array {
    const views = this.#current();
    views.i8 ??= new Int8Array(views.buffer, this.pointer, this.byteLength);
    return views.i8;
  }

  u16(): Uint16Array {
    const views = this.#current();
    views.u16 ??= new Uint16Array(views.buffer, this.pointer, this.byteLength >>> 1);
    return views.u16;
  }

  u32(): Uint32Array {
    const views = this.#current();
    views.u32 ??= new Uint32Array(views.buffer, this.pointer, this.byteLength >>> 2);
    return views.u32;
  }

  i32(): Int32Array {
    const views = this.#current();
    views.i32 ??= new Int32Array(views.buffer, this.pointer, this.byteLength >>> 2);
    return views.i32;
  }

  f32(): Float32Array {
    const views = this.#current();
    views.f32 ??= new Float32Array(views.buffer, this.pointer, this.byteLength >>> 2);
    return views.f32;
  }

  f64(): Float64Array {
    const views = this.#current();
    views.f64 ??= new Float64Array(views.buffer, this.pointer, this.byteLength >>> 3);
    return views.f64;
  }

  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#views = undefined;
    this.#arena.release(this.pointer, this.byteLength);
  }

  /** The views of the memory as it is now: growing makes another buffer of it. */
  #current(): Views {
    if (this.#freed) throw new MnemeError("DISPOSED", "kernels: a region was used after it was freed");
    const { buffer } = this.#arena;
    if (this.#views?.buffer !== buffer) this.#views = { buffer };
    return this.#views;
  }
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  /** `memory.buffer`, which is slow to ask for. */
  buffer: ArrayBuffer;
  /** Ascending, never touching. */
  readonly #free: Span[];
  #used = 0;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.buffer = memory.buffer;
    this.#free = [{ start: FIRST, end: memory.buffer.byteLength }];
  }

  /** Bytes handed out. */
  get bytes(): number {
    return this.#used;
  }

  /** 64-byte aligned; contents undefined. @throws MnemeError RANGE, BUDGET beyond 4 GiB. */
  alloc(byteLength: number): Region {
    if (!Number.isSafeInteger(byteLength) || byteLength < 0) {
      throw new MnemeError(
        "RANGE",
        `kernels: cannot allocate ${byteLength} bytes; ask for a whole number of bytes`,
      );
    }
    const size = Math.max(ALIGN, Math.ceil(byteLength / ALIGN) * ALIGN);
    const span = this.#free.find(({ start, end }) => end - start >= size) ?? this.#grow(size);
    const pointer = span.start;
    span.start += size;
    if (span.start === span.end) this.#free.splice(this.#free.indexOf(span), 1);
    this.#used += size;
    return new Region(this, pointer, byteLength);
  }

  release(pointer: number, byteLength: number): void {
    const size = Math.max(ALIGN, Math.ceil(byteLength / ALIGN) * ALIGN);
    this.#used -= size;
    this.#insert({ start: pointer, end: pointer + size });
  }

  /** Whether an array lies in this memory, also in a view from before it grew. */
  holds(array: ArrayBufferView): boolean {
    if (array.buffer === this.buffer) return true;
    // growing shared memory makes a new object over the same bytes
    return (
      typeof SharedArrayBuffer !== "undefined" &&
      array.buffer instanceof SharedArrayBuffer &&
      this.#seen.has(array.buffer)
    );
  }

  readonly #seen = new WeakSet<object>();

  #grow(size: number): Span {
    const before = this.buffer.byteLength;
    const last = this.#free.at(-1);
    const tail = last?.end === before ? last.end - last.start : 0;
    const pages = Math.ceil((size - tail) / PAGE);
    if (before / PAGE + pages > MOST_PAGES) {
      throw new MnemeError(
        "BUDGET",
        `kernels: ${size} bytes do not fit in the 4 GiB of one WebAssembly memory; use several processes or less data`,
      );
    }
    this.#seen.add(this.buffer);
    try {
      // by eighths, so that many small growths do not each cost a call
      this.memory.grow(Math.min(Math.max(pages, before / PAGE / 8), MOST_PAGES - before / PAGE));
    } catch (cause) {
      throw new MnemeError("BUDGET", `kernels: the system refused ${pages * PAGE} more bytes of memory`, {
        cause,
      });
    }
    this.buffer = this.memory.buffer;
    this.#insert({ start: before, end: this.buffer.byteLength });
    return this.#free.find(({ start, end }) => end - start >= size)!;
  }

  #insert(span: Span): void {
    const at = this.#free.findIndex(({ start }) => start > span.start);
    this.#free.splice(at < 0 ? this.#free.length : at, 0, span);
    for (let i = this.#free.length - 1; i > 0; i--) {
      if (this.#free[i - 1]!.end !== this.#free[i]!.start) continue;
      this.#free[i - 1]!.end = this.#free[i]!.end;
      this.#free.splice(i, 1);
    }
  }
}
