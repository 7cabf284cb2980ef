/** Inflater: raw deflate streams (RFC 1951) in kernel memory, without a handle or an allocation a stream. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { WasmFace } from "./wasm.ts";

/** Bytes that the kernel may read behind the input, and write behind the output. */
const [READ_SLACK, WRITE_SLACK] = [64, 272];
/** Room for a block of the usual size, so that it rarely grows. */
const FIRST_BYTES = 1 << 15;
/** Room that a long stream took is given back after it. */
const MOST_BYTES = 1 << 20;

export class Inflater implements Disposable {
  readonly #face: WasmFace;
  readonly #state: Region;
  #packed: Region;
  #raw: Region;

  constructor(face: WasmFace) {
    this.#face = face;
    this.#state = face.arena.alloc(face.instance.exports.inflateStateBytes());
    this.#packed = face.arena.alloc(FIRST_BYTES);
    this.#raw = face.arena.alloc(FIRST_BYTES);
  }

  /**
   * @param length bytes of the original, or of its beginning that is wanted
   * @returns so many bytes, borrowed until the next call
   * @throws MnemeError CORRUPT for what is no deflate stream, or a shorter one
   */
  inflate(packed: Uint8Array, length: number): Uint8Array {
    this.#packed = this.#room(this.#packed, packed.byteLength + READ_SLACK);
    this.#raw = this.#room(this.#raw, length + WRITE_SLACK);
    this.#packed.u8().set(packed);
    const [from, to, state] = [this.#packed.pointer, this.#raw.pointer, this.#state.pointer];
    const made = this.#face.instance.exports.inflateRaw(from, packed.byteLength, to, length, state);
    if (made < length) throw corrupt(packed.byteLength, length, made);
    return this.#raw.u8().subarray(0, length);
  }

  [Symbol.dispose](): void {
    for (const region of [this.#state, this.#packed, this.#raw]) region[Symbol.dispose]();
  }

  #room(region: Region, bytes: number): Region {
    if (bytes <= region.byteLength && (region.byteLength <= MOST_BYTES || bytes > MOST_BYTES)) return region;
    const room = this.#face.arena.alloc(Math.max(bytes, FIRST_BYTES));
    region[Symbol.dispose]();
    return room;
  }
}

function corrupt(packed: number, length: number, made: number): MnemeError {
  const got = made < 0 ? "no deflate stream" : `a deflate stream of ${made} bytes`;
  return new MnemeError(
    "CORRUPT",
    `compressed block of ${packed} bytes: ${got}, ${length} expected; run \`mneme doctor\``,
  );
}
