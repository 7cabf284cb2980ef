/** Writes the words of one segment: the dictionary and the posting lists, term by term in byte order. */

import { ByteWriter } from "../../varint.ts";
import type { Parts } from "../segment.ts";
import { DictionaryWriter } from "./dictionary.ts";
import { writePostings } from "./postings.ts";

export class WordsWriter {
  readonly #lengths: Uint16Array;
  readonly #dictionary = new DictionaryWriter();
  readonly #postings = new ByteWriter();
  #ordinals = new Uint32Array(1024);
  #frequencies = new Uint32Array(1024);
  #count = 0;

  /** @param lengths terms of each row */
  constructor(lengths: Uint16Array) {
    this.#lengths = lengths;
  }

  /** A whole list: places [start, end) of ascending ordinals and their frequencies. @param term kept: it must not change */
  add(term: Uint8Array, ordinals: Uint32Array, frequencies: Uint32Array, start: number, end: number): void {
    const before = this.#postings.length;
    writePostings(this.#postings, ordinals, frequencies, start, end, this.#lengths);
    this.#dictionary.add(term, end - start, this.#postings.length - before);
  }

  /** One posting of the term that `endTerm` names. */
  push(ordinal: number, frequency: number): void {
    if (this.#count === this.#ordinals.length) {
      this.#ordinals = doubled(this.#ordinals);
      this.#frequencies = doubled(this.#frequencies);
    }
    this.#ordinals[this.#count] = ordinal;
    this.#frequencies[this.#count++] = frequency;
  }

  /** @param term kept: it must not change */
  endTerm(term: Uint8Array): void {
    if (this.#count === 0) return;
    this.add(term, this.#ordinals, this.#frequencies, 0, this.#count);
    this.#count = 0;
  }

  finish(): Parts {
    const { terms, heads } = this.#dictionary.finish();
    const { buffer, byteOffset, byteLength } = this.#lengths;
    return new Map([
      ["terms", terms],
      ["heads", heads],
      ["postings", this.#postings.finish()],
      ["lengths", new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)],
    ]);
  }
}

function doubled(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(values.length * 2);
  grown.set(values);
  return grown;
}
