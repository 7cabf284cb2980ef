/**
 * Byte-level BPE (Sennrich et al., Neural Machine Translation of Rare Words with Subword Units, 2016) for tokenizer.json files of the
 * bundled model's make: NFKC, lower case, one split pattern, merges. Checked against `@huggingface/tokenizers` in the tests.
 */
import { MnemeError } from "../errors.ts";
import { StringTable } from "../string-table.ts";
import { forEachPiece, PIECE_PATTERN } from "./pieces.ts";

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

export class BpeTokenizer {
  readonly vocabularySize: number;
  /** Token of each byte. */
  readonly #bytes: Uint32Array;
  /** left x 2^16 + right -> rank x 2^16 + merged. */
  readonly #merges: Map<number, number>;
  readonly #cache = new StringTable();
  /** Ids of remembered pieces, back to back. */
  #ids = new Uint32Array(4096);
  #ends: number[] = [0];
  #out = new Uint32Array(1024);

  /** @param json text of tokenizer.json. @throws MnemeError FORMAT, UNSUPPORTED naming the part that is of another make. */
  constructor(json: string) {
    const file = parse(json);
    const { vocab, merges } = file.model;
    this.vocabularySize = Object.keys(vocab).length;
    this.#bytes = byteTokens(vocab);
    this.#merges = mergeTable(vocab, merges);
  }

  /** Rough bytes of the tables. */
  get bytes(): number {
    return this.#merges.size * 40 + this.#cache.bytes + this.#ids.byteLength + this.#ends.length * 8;
  }

  /** Token ids of the text, at most `limit`. Borrowed: valid until the next call. */
  encode(text: string, limit: number = Number.POSITIVE_INFINITY): Uint32Array {
    const plain = normalize(text);
    let count = 0;
    forEachPiece(plain, (start, end) => {
      const known = this.#cache.get(plain, start, end);
      const entry = known >= 0 ? known : this.#remember(plain, start, end);
      const from = this.#ends[entry]!;
      const to = this.#ends[entry + 1]!;
      if (count + to - from > this.#out.length) this.#out = wider(this.#out, count + to - from);
      for (let i = from; i < to; i++) this.#out[count++] = this.#ids[i]!;
      return count < limit;
    });
    return this.#out.subarray(0, Math.min(count, limit));
  }

  /** @returns the entry whose ids are #ids[#ends[entry], #ends[entry + 1]) */
  #remember(text: string, start: number, end: number): number {
    if (this.#cache.size >= CACHE_ENTRIES) {
      this.#cache.clear();
      this.#ends = [0];
    }
    const ids = this.#merge(text.slice(start, end));
    const entry = this.#ends.length - 1;
    const from = this.#ends[entry]!;
    if (from + ids.length > this.#ids.length) this.#ids = wider(this.#ids, from + ids.length);
    this.#ids.set(ids, from);
    this.#ends.push(from + ids.length);
    this.#cache.set(text, start, end, entry);
    return entry;
  }

  /** Merges the pair of lowest rank, leftmost first, until none is left. */
  #merge(piece: string): number[] {
    const ids = Array.from(new TextEncoder().encode(piece), (byte) => this.#bytes[byte]!);
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let place = -1;
      for (let i = 0; i + 1 < ids.length; i++) {
        const merge = this.#merges.get(ids[i]! * 65_536 + ids[i + 1]!);
        if (merge !== undefined && merge < best) {
          best = merge;
          place = i;
        }
      }
      if (place < 0) return ids;
      ids.splice(place, 2, best % 65_536);
    }
  }
}

function normalize(text: string): string {
  return (isAscii(text) ? text : text.normalize("NFKC")).toLowerCase();
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function wider(from: Uint32Array, least: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(Math.max(from.length * 2, least));
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
function byteTokens(vocab: Record<string, number>): Uint32Array {
  const printable = (byte: number): boolean =>
    (byte > 32 && byte < 127) || (byte > 160 && byte < 173) || byte > 173;
  let extra = 0;
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const char = String.fromCharCode(printable(byte) ? byte : 256 + extra++);
    return vocab[char] ?? 0;
  });
}

function mergeTable(
  vocab: Record<string, number>,
  merges: TokenizerFile["model"]["merges"],
): Map<number, number> {
  const table = new Map<number, number>();
  merges.forEach((merge, rank) => {
    const [left, right] = (typeof merge === "string" ? merge.split(" ") : merge) as [string, string];
    const key = vocab[left]! * 65_536 + vocab[right]!;
    if (!table.has(key)) table.set(key, rank * 65_536 + vocab[left + right]!);
  });
  return table;
}
