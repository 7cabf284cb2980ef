/** The first stage: a fixed encoding of each document under a codec, all scored, the best handed on. */
import type { Coder } from "../../codecs/codec.ts";
import { parseCodec } from "../../codecs/registry.ts";
import { MnemeError } from "../../errors.ts";
import { type Matrix, matrix } from "../../linalg/matrix.ts";
import { Shortlist } from "../shortlist.ts";
import { CodeBuffer } from "../vector/code-buffer.ts";
import { Scratch } from "../vector/scratch.ts";
import { rowBytes } from "../vector/vectors-kind.ts";
import type { FixedEncoding } from "./fixed-encoding.ts";

export class FirstStage implements Disposable {
  readonly encoding: FixedEncoding;
  readonly codec: string;
  readonly #coder: Coder;
  readonly #codes: CodeBuffer;
  readonly #scores = new Scratch();

  /** @throws MnemeError UNSUPPORTED for codecs that must be trained */
  constructor(encoding: FixedEncoding, codec: string) {
    this.encoding = encoding;
    this.codec = codec;
    const recipe = parseCodec(codec);
    if (recipe.needsTraining)
      throw new MnemeError(
        "UNSUPPORTED",
        `tokens: codec ${codec} must be trained; use int8, f32 or rabitq1 to rabitq8`,
      );
    this.#coder = recipe.fit(matrix(0, encoding.width));
    this.#codes = new CodeBuffer(rowBytes(this.#coder));
  }

  /** Bytes of a document. */
  get stride(): number {
    return rowBytes(this.#coder);
  }

  get bytes(): number {
    return this.#codes.bytes + this.#coder.bytes + this.#scores.bytes;
  }

  /** Borrowed until the next change. */
  get codes(): Uint8Array {
    return this.#codes.view();
  }

  append(document: Matrix): void {
    const { width } = this.encoding;
    this.#codes.append(this.#coder.encode(matrix(1, width, this.encoding.document(document))));
  }

  /** Takes codes as `codes` gave them. */
  restore(codes: Uint8Array): void {
    this.#codes[Symbol.dispose]();
    if (codes.length > 0) this.#codes.append(codes);
  }

  /** Ordinals of the best, ascending. @param allowed whether a document counts */
  best(query: Matrix, count: number, allowed: (ordinal: number) => boolean): Uint32Array {
    const { rows } = this.#codes;
    const scores = this.#scores.f32(rows);
    this.#coder.scorer(this.encoding.query(query), "dot").score(this.codes, 0, rows, scores);
    const list = new Shortlist(count);
    for (let i = 0; i < rows; i++) if (scores[i]! >= list.threshold && allowed(i)) list.push(scores[i]!, i);
    return list.finish();
  }

  [Symbol.dispose](): void {
    this.#codes[Symbol.dispose]();
    this.#scores[Symbol.dispose]();
  }
}
