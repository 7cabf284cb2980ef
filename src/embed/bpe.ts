/**
 * Byte-level BPE (Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016) for tokenizer.json files of the
 * bundled model's make: NFKC, lower case, one split pattern, merges. Checked against `@huggingface/tokenizers` in the tests.
 */
import { MnemeError } from "../errors.ts";
import { kernels, RunTable } from "../kernels/index.ts";
import { PairMerger } from "./pair-merger.ts";
import { PIECE_PATTERN, pieceKindOf } from "./pieces.ts";

interface TokenizerFile {
  readonly normalizer: { readonly normalizers?: readonly { readonly type: string }[] };
  readonly pre_tokenizer: {
    readonly pretokenizers?: readonly {
      readonly type: string;
      readonly pattern?: { readonly Regex?: string };
    }[];
  };
  readonly model: {
    readonly type: string;
    readonly vocab: Record<string, number>;
    readonly merges: readonly (readonly [string, string] | string)[];
  };
}

/** Words repeat: pieces whose ids are remembered. */
const CACHE_ENTRIES = 200_000;
/** Room for so many of them at first. */
const FIRST_PIECES = 1 << 15;

export class BpeTokenizer implements Disposable {
  readonly vocabularySize: number;
  /** Token of each byte. */
  readonly #bytes: Uint16Array;
  readonly #merger: PairMerger;
  readonly #pieces: RunTable;
  /** Ids of remembered pieces, back to back, and where those of each end. */
  #ids = new Uint16Array(FIRST_PIECES * 2);
  #ends = new Uint32Array(FIRST_PIECES);
  /** Ids of pieces that are not remembered, of one text. */
  readonly #loose: Uint16Array[] = [];
  #out = new Uint32Array(1024);

  /** @param json text of tokenizer.json. @throws MnemeError FORMAT, UNSUPPORTED naming the part that is of another make. */
  constructor(json: string) {
    const file = parse(json);
    const { vocab, merges } = file.model;
    this.vocabularySize = Object.keys(vocab).length;
    this.#bytes = byteTokens(vocab);
    this.#merger = mergerOf(vocab, merges);
    this.#pieces = new RunTable(kernels(), kernels().arena, "pieces", pieceKindOf);
  }

  get bytes(): number {
    return this.#merger.bytes + this.#pieces.bytes + this.#ids.byteLength + this.#ends.byteLength;
  }

  /** Token ids of the text, at most `limit`. Borrowed: valid until the next call. */
  encode(text: string, limit: number = Number.POSITIVE_INFINITY): Uint32Array {
    const pieces = this.#pieces;
    if (pieces.size >= CACHE_ENTRIES) pieces.clear();
    this.#loose.length = 0;
    pieces.load(text);
    if (!pieces.fold()) pieces.load(text.normalize("NFKC").toLowerCase());
    const found = pieces.scan(this.#learn);
    const { numbers } = pieces;
    let count = 0;
    for (let i = 0; i < found && count < limit; i++) count = this.#append(numbers[i]!, count);
    return this.#out.subarray(0, Math.min(count, limit));
  }

  [Symbol.dispose](): void {
    this.#pieces[Symbol.dispose]();
    this.#merger[Symbol.dispose]();
  }

  /** Writes the ids of a piece to the output. @returns where they end */
  #append(entry: number, at: number): number {
    const ids = entry < 0 ? this.#loose[-1 - entry]! : this.#ids;
    const from = entry <= 0 ? 0 : this.#ends[entry - 1]!;
    const to = entry < 0 ? ids.length : this.#ends[entry]!;
    if (at + to - from > this.#out.length) this.#out = wider(this.#out, at + to - from, Uint32Array);
    const out = this.#out;
    let end = at;
    for (let i = from; i < to; i++) out[end++] = ids[i]!;
    return end;
  }

  readonly #learn = (start: number, end: number, kept: boolean): void => {
    // three bytes a unit at most
    const tokens = this.#merger.room((end - start) * 3);
    const count = this.#merger.merge(this.#spell(start, end, tokens));
    if (!kept) {
      this.#loose.push(tokens.slice(0, count));
      return;
    }
    const entry = this.#pieces.size;
    const from = entry === 0 ? 0 : this.#ends[entry - 1]!;
    if (from + count > this.#ids.length) this.#ids = wider(this.#ids, from + count, Uint16Array);
    if (entry >= this.#ends.length) this.#ends = wider(this.#ends, entry + 1, Uint32Array);
    for (let i = 0; i < count; i++) this.#ids[from + i] = tokens[i]!;
    this.#ends[entry] = from + count;
  };

  /** Writes the tokens of a piece's bytes. @returns how many */
  #spell(start: number, end: number, tokens: Uint16Array): number {
    const { units } = this.#pieces;
    const bytes = this.#bytes;
    let count = 0;
    for (let at = start; at < end; at++) {
      if (units[at]! < 128) tokens[count++] = bytes[units[at]!]!;
      else {
        for (const byte of utf8Of(units.subarray(at, end))) tokens[count++] = bytes[byte]!;
        break;
      }
    }
    return count;
  }
}

function utf8Of(units: Uint16Array): Uint8Array {
  return new TextEncoder().encode(new TextDecoder("utf-16le", { ignoreBOM: true }).decode(units.slice()));
}

function wider<T extends Uint16Array | Uint32Array>(
  from: T,
  least: number,
  kind: new (length: number) => T,
): T {
  const to = new kind(Math.max(from.length * 2, least));
  to.set(from);
  return to;
}

function parse(json: string): TokenizerFile {
  let file: TokenizerFile;
  try {
    file = JSON.parse(json) as TokenizerFile;
  } catch (cause) {
    throw new MnemeError("FORMAT", "tokenizer.json: not JSON", { cause });
  }
  const normalizers = file.normalizer?.normalizers?.map(({ type }) => type).join("+");
  const split = file.pre_tokenizer?.pretokenizers?.[0]?.pattern?.Regex;
  if (file.model?.type !== "BPE" || normalizers !== "NFKC+Lowercase" || split !== PIECE_PATTERN) {
    throw new MnemeError(
      "UNSUPPORTED",
      `tokenizer.json: a ${file.model?.type} model with ${normalizers} is of another make; use @huggingface/tokenizers for it`,
    );
  }
  return file;
}

/** GPT-2's printable stand-ins for bytes. */
function byteTokens(vocab: Record<string, number>): Uint16Array {
  const printable = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
  let extra = 0;
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    const char = String.fromCharCode(printable(byte) ? byte : 256 + extra++);
    return vocab[char] ?? 0;
  });
}

function mergerOf(vocab: Record<string, number>, merges: TokenizerFile["model"]["merges"]): PairMerger {
  const merger = new PairMerger(merges.length);
  merges.forEach((merge, rank) => {
    const [left, right] = (typeof merge === "string" ? merge.split(" ") : merge) as [string, string];
    merger.add(vocab[left]!, vocab[right]!, rank, vocab[left + right]!);
  });
  return merger;
}
