/** NearTerms: the terms of front-coded lists that are within some edits of a word, passed through kernel memory list by list. */
import { MnemeError } from "../errors.ts";
import type { Region } from "./arena.ts";
import type { WasmFace } from "./wasm.ts";

/** Longest word, in bytes, whose table of distances has a column in one machine word. */
export const MOST_NEAR_BYTES = 63;

/** As the kernel has them: wasm/assembly/near-terms.ts. */
const COLUMNS = { plus: 2048, distances: 3776 } as const;
const WORD = 4352;
const [NEXT, KNOWN, HOPELESS] = [4544 / 4, 4548 / 4, 4552 / 4];
const ROOM_BYTES = 4608;
const NONE = 0xffff_ffff;
/** Words before the bytes of a term that was found: edits, frequency and length. */
const HEAD = 3;
const OUT_BYTES = 1 << 14;
/** Bytes that the kernel may read behind a list. */
const SLACK = 64;
/** Room for the terms of a few letters of a large dictionary. */
const FIRST_BYTES = 1 << 16;

/** @param term UTF-8, borrowed */
export type NearVisitor = (term: Uint8Array, frequency: number, edits: number) => void;

export class NearTerms implements Disposable {
  readonly #face: WasmFace;
  readonly #room: Region;
  readonly #out: Region;
  #list: Region;
  #letters = 0;
  #limit = 0;
  #leading = 0;

  constructor(face: WasmFace) {
    this.#face = face;
    this.#room = face.arena.alloc(ROOM_BYTES);
    this.#out = face.arena.alloc(OUT_BYTES);
    this.#list = face.arena.alloc(FIRST_BYTES);
  }

  get bytes(): number {
    return this.#room.byteLength + this.#out.byteLength + this.#list.byteLength;
  }

  /**
   * Takes a word, for the lists that follow. @param word UTF-8, MOST_NEAR_BYTES at most @param limit edits, 3 at most: of bytes
   * @param leading bytes of the word that a term has to begin with @throws MnemeError RANGE
   */
  begin(word: Uint8Array, limit: number, leading: number): void {
    if (word.length < 1 || word.length > MOST_NEAR_BYTES || limit > 3 || leading > word.length)
      throw new MnemeError(
        "RANGE",
        `near terms: a word of 1 to ${MOST_NEAR_BYTES} bytes within 3 edits at most, got ${word.length} bytes, ${leading} of them leading, and ${limit} edits`,
      );
    this.#letters = word.length;
    this.#limit = limit;
    this.#leading = leading;
    this.#room.u8().fill(0);
    const places = this.#room.u32();
    word.forEach((byte, i) => {
      places[2 * byte + (i >>> 5)]! |= 1 << (i & 31);
    });
    places.fill(NONE, COLUMNS.plus / 4, COLUMNS.plus / 4 + 2);
    places[COLUMNS.distances / 4] = word.length;
    this.#room.u8().set(word, WORD);
  }

  /** Calls `visit` for each near term, in order. @param terms entries of a dictionary, the first of which shares nothing */
  scan(terms: Uint8Array, visit: NearVisitor): void {
    this.#take(terms);
    const state = this.#room.u32();
    const end = this.#list.pointer + terms.length;
    state[NEXT] = this.#list.pointer;
    state[KNOWN] = 0;
    state[HOPELESS] = NONE;
    const { nearTerms } = this.#face.instance.exports;
    while (state[NEXT]! < end) {
      const [room, out] = [this.#room.pointer, this.#out.pointer];
      this.#found(nearTerms(room, end, this.#letters, this.#limit, this.#leading, out, OUT_BYTES), visit);
    }
  }

  [Symbol.dispose](): void {
    for (const region of [this.#room, this.#out, this.#list]) region[Symbol.dispose]();
  }

  #found(bytes: number, visit: NearVisitor): void {
    const head = this.#out.u32();
    for (let at = 0; at < bytes; ) {
      const [edits, frequency, length] = [head[at / 4]!, head[at / 4 + 1]!, head[at / 4 + 2]!];
      const from = at + 4 * HEAD;
      visit(this.#out.u8().subarray(from, from + length), frequency, edits);
      at = (from + length + 3) & ~3;
    }
  }

  #take(terms: Uint8Array): void {
    const bytes = terms.length + SLACK;
    if (bytes > this.#list.byteLength) {
      this.#list[Symbol.dispose]();
      this.#list = this.#face.arena.alloc(Math.ceil(bytes * 1.5));
    }
    this.#list.u8().set(terms);
    this.#list.u8().fill(0, terms.length, bytes);
  }
}
