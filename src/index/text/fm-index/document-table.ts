/** Documents of a shard: lengths, their numbers among those that are not empty, and where their samples begin. */
import { lowerBound } from "../../../search-sorted.ts";
import { ByteReader } from "../../../varint.ts";
import { samplesOf } from "./run.ts";

export class DocumentTable {
  readonly lengths: Uint32Array;
  /** Documents that are not empty, in order: the kernels know these by their place here. */
  readonly filled: Uint32Array;
  /** By filled document and once more at the end: samples before its own. */
  readonly firstSample: Uint32Array;
  readonly #rate: number;

  constructor(packed: Uint8Array, count: number, rate: number) {
    const reader = new ByteReader(packed);
    this.#rate = rate;
    this.lengths = new Uint32Array(count);
    const filled = new Uint32Array(count);
    let some = 0;
    for (let d = 0; d < count; d++) {
      this.lengths[d] = reader.varint();
      if (this.lengths[d]! > 0) filled[some++] = d;
    }
    this.filled = filled.slice(0, some);
    this.firstSample = new Uint32Array(this.filled.length + 1);
    for (let i = 0; i < some; i++)
      this.firstSample[i + 1] = this.firstSample[i]! + samplesOf(this.lengths[this.filled[i]!]!, rate);
  }

  get bytes(): number {
    return this.lengths.byteLength + this.filled.byteLength + this.firstSample.byteLength;
  }

  /** Filled document that holds a sample, by its place in `filled`. */
  ownerOf(sample: number): number {
    let place = lowerBound(this.firstSample, sample + 1) - 1;
    if (place < 0) place = 0;
    return place;
  }

  /** How far from its document's end a sample stands. */
  depthOf(sample: number, owner: number): number {
    return (sample - this.firstSample[owner]! + 1) * this.#rate;
  }

  /** Place in `filled` of a document that is not empty. */
  placeOf(document: number): number {
    return lowerBound(this.filled, document);
  }

  /** The first kept sample, every `inverseRate`th, at least `depth` from the document's end; undefined when there is none. */
  keptFrom(place: number, depth: number, inverseRate: number): { sample: number; depth: number } | undefined {
    const first = this.firstSample[place]! + Math.max(0, Math.ceil(depth / this.#rate) - 1);
    const sample = Math.ceil(first / inverseRate) * inverseRate;
    if (sample >= this.firstSample[place + 1]!) return undefined;
    return { sample, depth: this.depthOf(sample, place) };
  }
}
