/**
 * The tokenizer that a GGUF file's metadata tell, in the shape of a tokenizer.json: byte-level BPE ("gpt2") with the split that the file
 * names, and SentencePiece's BPE ("llama"; Kudo and Richardson, SentencePiece, 2018) with scores and byte tokens.
 */
import { MnemeError } from "../errors.ts";
import { openTokenizer, type Tokenizer } from "./tokenizer.ts";

type Metadata = Readonly<Record<string, unknown>>;

/** Of `tokenizer.ggml.token_type`; 1 is a normal token. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;
const BYTE = 6;

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** How text is cut before merges, by the name that `tokenizer.ggml.pre` has for it. */
interface Split {
  /** Each cuts the pieces of the one before. */
  readonly patterns: readonly string[];
  /** A piece that is a token is not built of merges. */
  readonly ignoreMerges?: boolean;
  /** A text begins with the first token unless the file says otherwise. */
  readonly bos?: boolean;
}

const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const CONTRACTION = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
/** Words with a sign before them, numbers of so many digits, signs with line ends behind. */
const modern = (digits: string): string =>
  `${CONTRACTION}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${SPACES}`;
const UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const WORD_START = "[^\\r\\n\\p{L}\\p{N}]?";

const LLAMA3: Split = { patterns: [modern("\\p{N}{1,3}")], ignoreMerges: true, bos: true };
const QWEN2: Split = { patterns: [modern("\\p{N}")] };
const DIGITS: Split = { patterns: ["\\p{N}", GPT2] };
const TEKKEN: Split = {
  patterns: [
    `${WORD_START}${UPPER}*${LOWER}+|${WORD_START}${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${SPACES}`,
  ],
  ignoreMerges: true,
  bos: true,
};

const SPLITS: Readonly<Record<string, Split>> = {
  default: { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]"] },
  "gpt-2": { patterns: [GPT2] },
  "llama-bpe": LLAMA3,
  llama3: LLAMA3,
  "llama-v3": LLAMA3,
  qwen2: QWEN2,
  "deepseek-r1-qwen": QWEN2,
  stablelm2: QWEN2,
  smollm: DIGITS,
  starcoder: DIGITS,
  refact: DIGITS,
  tekken: TEKKEN,
  "mistral-tekken": TEKKEN,
  "mneme-lm": {
    patterns: [`'(?:[sdmt]|ll|ve|re)| ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|${SPACES}`],
    bos: true,
  },
};

/** Special tokens by the names that chat templates have for them. */
export interface SpecialTokens {
  readonly bos_token?: string;
  readonly eos_token?: string;
  readonly pad_token?: string;
}

/** @throws MnemeError FORMAT, UNSUPPORTED naming the file and the field */
export async function ggufTokenizer(metadata: Metadata, file: string): Promise<Tokenizer> {
  const kind = metadata["tokenizer.ggml.model"];
  const vocabulary = vocabularyOf(metadata, file);
  const { tokens } = vocabulary;
  if (kind === "gpt2")
    return openTokenizer(byteLevel(metadata, vocabulary, file), {}, undefined, file, { tokens });
  if (kind !== "llama")
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: tokenizer.ggml.model is ${shown(kind)}; known are "gpt2", "llama"`,
      { details: { file, field: "tokenizer.ggml.model" } },
    );
  return openTokenizer(sentencePieces(metadata, vocabulary), {}, undefined, file, {
    tokens,
    ranks: ranksOf(metadata, vocabulary, file),
  });
}

/** What the file's chat template may ask for. */
export function ggufSpecialTokens(metadata: Metadata): SpecialTokens {
  const tokens = metadata["tokenizer.ggml.tokens"];
  const named = (role: string): string | undefined => {
    const id = idOf(metadata, role);
    const text = Array.isArray(tokens) && id !== undefined ? (tokens as unknown[])[id] : undefined;
    return typeof text === "string" ? text : undefined;
  };
  const roles = ["bos", "eos", "pad"] as const;
  return Object.fromEntries(
    roles
      .map((role) => [`${role}_token`, named(role === "pad" ? "padding" : role)] as const)
      .filter(([, text]) => text !== undefined),
  );
}

function idOf(metadata: Metadata, role: string): number | undefined {
  const id = metadata[`tokenizer.ggml.${role}_token_id`];
  return typeof id === "number" || typeof id === "bigint" ? Number(id) : undefined;
}

function vocabularyOf(metadata: Metadata, file: string): Vocabulary {
  const tokens = listOf(metadata, "tokenizer.ggml.tokens", "string", file);
  const types =
    metadata["tokenizer.ggml.token_type"] === undefined
      ? tokens.map(() => 1)
      : listOf(metadata, "tokenizer.ggml.token_type", "number", file);
  checkLength("tokenizer.ggml.token_type", types, tokens, file);
  // the parser takes a token that is nothing but a byte order mark for an empty text
  return { tokens: tokens.map((token, i) => (token === "" && types[i] === 1 ? "\ufeff" : token)), types };
}

function checkLength(
  field: string,
  list: readonly unknown[],
  tokens: readonly unknown[],
  file: string,
): void {
  if (list.length === tokens.length) return;
  throw new MnemeError(
    "FORMAT",
    `${file}: ${field} has ${list.length} entries; expected ${tokens.length}, one a token`,
    {
      details: { file, field },
    },
  );
}

type Listed = { readonly string: string; readonly number: number };

function listOf<T extends keyof Listed>(
  metadata: Metadata,
  field: string,
  type: T,
  file: string,
): readonly Listed[T][] {
  const list = metadata[field];
  if (Array.isArray(list) && list.every((one) => typeof one === type)) return list as Listed[T][];
  throw new MnemeError("FORMAT", `${file}: ${field} is ${shown(list)}; expected a list of type ${type}`, {
    details: { file, field },
  });
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary, file: string): object {
  const pre = metadata["tokenizer.ggml.pre"] ?? "default";
  const split = typeof pre === "string" && Object.hasOwn(SPLITS, pre) ? SPLITS[pre]! : undefined;
  if (!split)
    throw new MnemeError(
      "UNSUPPORTED",
      `${file}: tokenizer.ggml.pre is ${shown(pre)}; known are ${Object.keys(SPLITS).join(", ")}`,
      { details: { file, field: "tokenizer.ggml.pre" } },
    );
  const merges = listOf(metadata, "tokenizer.ggml.merges", "string", file);
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    ...common(metadata, vocabulary, split.bos === true),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...split.patterns.map((Regex) => ({
          type: "Split",
          pattern: { Regex },
          behavior: "Isolated",
          invert: false,
        })),
        level,
      ],
    },
    decoder: level,
    model: {
      type: "BPE",
      vocab: {},
      merges: merges.map((merge) => pairOf(merge)),
      ignore_merges: split.ignoreMerges === true,
    },
  };
}

/** A space may be the first character of a merge, never the whole of one. */
function pairOf(merge: string): readonly [string, string] {
  const at = merge.indexOf(" ", 1);
  return [merge.slice(0, at), merge.slice(at + 1)];
}

function sentencePieces(metadata: Metadata, vocabulary: Vocabulary): object {
  const unknown = vocabulary.tokens[idOf(metadata, "unknown") ?? vocabulary.types.indexOf(UNKNOWN)];
  const prefix = metadata["tokenizer.ggml.add_space_prefix"] !== false;
  const spaces = { type: "Replace", pattern: { String: " " }, content: "\u2581" };
  return {
    ...common(metadata, vocabulary, true),
    normalizer: {
      type: "Sequence",
      normalizers: [...(prefix ? [{ type: "Prepend", prepend: "\u2581" }] : []), spaces],
    },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "\u2581" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      vocab: {},
      merges: [],
      byte_fallback: true,
      ...(unknown === undefined ? {} : { unk_token: unknown }),
    },
  };
}

/** Special tokens, and what stands around a text of its own. */
function common(metadata: Metadata, { tokens, types }: Vocabulary, bosByDefault: boolean): object {
  const added = tokens.flatMap((content, id) =>
    content !== "" && (types[id] === CONTROL || types[id] === USER_DEFINED || types[id] === UNKNOWN)
      ? [{ id, content, special: types[id] !== USER_DEFINED, normalized: false }]
      : [],
  );
  const around = (role: "bos" | "eos", otherwise: boolean): object[] => {
    const token = tokens[idOf(metadata, role) ?? -1];
    const wanted = (metadata[`tokenizer.ggml.add_${role}_token`] ?? otherwise) === true;
    return wanted && token !== undefined ? [{ SpecialToken: { id: token, type_id: 0 } }] : [];
  };
  const single = [
    ...around("bos", bosByDefault),
    { Sequence: { id: "A", type_id: 0 } },
    ...around("eos", false),
  ];
  return {
    added_tokens: added,
    post_processor: single.length > 1 ? { type: "TemplateProcessing", single, pair: single } : null,
  };
}

/** The likelier a piece, the lower its rank; pieces of one score share one. Only pieces that text can become. */
function ranksOf(
  metadata: Metadata,
  { tokens, types }: Vocabulary,
  file: string,
): ReadonlyMap<string, number> {
  const scores = listOf(metadata, "tokenizer.ggml.scores", "number", file);
  checkLength("tokenizer.ggml.scores", scores, tokens, file);
  const levels = new Map([...new Set(scores)].sort((a, b) => b - a).map((score, rank) => [score, rank]));
  const ranks = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (![UNKNOWN, CONTROL, UNUSED, BYTE].includes(types[id]!) && !ranks.has(token))
      ranks.set(token, levels.get(scores[id]!)!);
  });
  return ranks;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return value === undefined
    ? "missing"
    : String(JSON.stringify(typeof value === "bigint" ? Number(value) : value)).slice(0, 80);
}
