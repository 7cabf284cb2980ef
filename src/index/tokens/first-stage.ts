/** The first stage: a fixed encoding of each document under a codec, all scored, the best handed on. */
import type { Coder, Scorer } from "../../codecs/codec.ts";
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
  /** Codes of the first documents again, as the coder scans them fastest, where it has such a layout. */
  readonly #blocks: CodeBuffer | undefined;
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
    this.#blocks = this.#coder.scan && new CodeBuffer(this.#coder.scan.bytes);
  }

  /** Bytes of a document. */
  get stride(): number {
    return rowBytes(this.#coder);
  }

  get bytes(): number {
    return this.#codes.bytes + (this.#blocks?.bytes ?? 0) + this.#coder.bytes + this.#scores.bytes;
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
    this.#blocks?.[Symbol.dispose]();
    if (codes.length > 0) this.#codes.append(codes);
  }

  /** Ordinals of the best, ascending. @param allowed whether a document counts */
  best(query: Matrix, count: number, allowed: (ordinal: number) => boolean): Uint32Array {
    const { rows } = this.#codes;
    const scores = this.#score(this.#coder.scorer(this.encoding.query(query), "dot"));
    const list = new Shortlist(count);
    for (let i = 0; i < rows; i++) if (scores[i]! >= list.threshold && allowed(i)) list.push(scores[i]!, i);
    return list.finish();
  }

  [Symbol.dispose](): void {
    this.#blocks?.[Symbol.dispose]();
    this.#codes[Symbol.dispose]();
    this.#scores[Symbol.dispose]();
  }

  #score(scorer: Scorer): Float32Array {
    const { rows } = this.#codes;
    // blocks may take memory, which detaches views of scores
    const arranged = scorer.scoreBlocks ? this.#arrange() : 0;
    const scores = this.#scores.f32(rows);
    if (arranged > 0) scorer.scoreBlocks!(this.#blocks!.view(), scores.subarray(0, arranged));
    if (arranged < rows) scorer.score(this.codes, arranged, rows - arranged, scores.subarray(arranged));
    return scores;
  }

  /** Puts whole blocks of documents that came since in the layout. @returns how many documents are in it */
  #arrange(): number {
    const { scan } = this.#coder;
    const [blocks, { rows }] = [this.#blocks, this.#codes];
    if (!scan || !blocks) return 0;
    const from = blocks.rows * scan.rows;
    const to = Math.floor(rows / scan.rows) * scan.rows;
    if (to > from)
      blocks.append(scan.arrange(this.codes.subarray(from * this.stride, to * this.stride), to - from));
    return to;
  }
}
