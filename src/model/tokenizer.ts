/** Text to tokens and back, by `@huggingface/tokenizers`; and text from a stream of tokens, whose characters may be cut between two. */
import type { BPE, Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { MnemeError } from "../errors.ts";

export interface Tokenizer {
  /** Ids of the text; special tokens that it spells out are taken for such. */
  encode(text: string): number[];
  /** The same with the tokens that the model expects around a text of its own, most often one that begins it. */
  encodeWhole(text: string): number[];
  /** Special tokens are left out. */
  decode(tokens: readonly number[]): string;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

/** What of tokenizer_config.json is asked here. */
export interface TokenizerAbout {
  readonly add_bos_token?: unknown;
}

/** What the library is given as it holds it: through its JSON it would take most of the time in which a model is loaded. */
export interface GivenVocabulary {
  /** By id. A text that stands twice has the first id. */
  readonly tokens: readonly string[];
  /** How SentencePiece merges: any two neighbours that together are a piece, by its rank; of equal ranks the left one. */
  readonly ranks?: ReadonlyMap<string, number>;
}

/** @param json text of tokenizer.json, or what it says. @param given instead of the JSON's vocabulary, of BPE. @throws MnemeError FORMAT, UNSUPPORTED naming `file` */
export async function openTokenizer(
  json: string | object,
  config: TokenizerAbout,
  bos: number | undefined,
  file: string,
  given?: GivenVocabulary,
): Promise<Tokenizer> {
  const { Tokenizer: Hub } = await import("@huggingface/tokenizers");
  let hub: HubTokenizer;
  try {
    hub = new Hub(typeof json === "string" ? (JSON.parse(json) as object) : json, config);
    if (given) give(hub.model as BPE, given);
  } catch (cause) {
    throw new MnemeError("FORMAT", `${file}: no tokenizer that is understood; fetch the file again`, {
      cause,
    });
  }
  const encode = (text: string, special: boolean): number[] =>
    text === "" && !special ? [] : hub.encode(text, { add_special_tokens: special }).ids;
  return {
    encode: (text) => encode(text, false),
    encodeWhole(text) {
      const ids = encode(text, true);
      const wanted = config.add_bos_token === true && bos !== undefined && ids[0] !== bos;
      return wanted ? [bos, ...ids] : ids;
    },
    decode: (tokens) =>
      tokens.length === 0
        ? ""
        : hub.decode([...tokens], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
    idOf: (token) => hub.token_to_id(token),
    tokenOf: (id) => hub.id_to_token(id),
  };
}

function give(model: BPE, { tokens, ranks }: GivenVocabulary): void {
  const ids = new Map<string, number>();
  for (let id = tokens.length - 1; id >= 0; id--) ids.set(tokens[id]!, id);
  // what is there already are special tokens
  for (const [token, id] of model.tokens_to_ids) ids.set(token, id);
  model.tokens_to_ids = ids;
  model.vocab = [...tokens];
  if (model.unk_token !== undefined) model.unk_token_id = ids.get(model.unk_token)!;
  // a list of merges, all the library reads, gives each pair a rank of its own: pieces of one score could not share theirs
  if (ranks) model.bpe_ranks = new RanksOfPairs(ranks);
}

/** Ranks of pairs, as the library asks for them: both sides as JSON. */
class RanksOfPairs extends Map<string, number> {
  readonly #ranks: ReadonlyMap<string, number>;

  constructor(ranks: ReadonlyMap<string, number>) {
    super();
    this.#ranks = ranks;
  }

  override get(pair: string): number | undefined {
    const [left, right] = JSON.parse(pair) as [string, string];
    return this.#ranks.get(left + right);
  }
}

const UNFINISHED = "\ufffd";
/** A character has at most four bytes, hence tokens; a run of longer ones is no character that still comes. */
const LONGEST_CHARACTER = 4;

/** The text of tokens that come one by one. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  /** Tokens from the start of the last piece on: what stands before a token may change its text. */
  #tokens: number[] = [];
  /** Of them those whose text went out. */
  #sent = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** @returns the text that is now certain, "" while a character is not whole */
  push(token: number): string {
    this.#tokens.push(token);
    const text = this.#tokenizer.decode(this.#tokens);
    const waits = text.endsWith(UNFINISHED) && this.#tokens.length - this.#sent < LONGEST_CHARACTER;
    return waits ? "" : this.#send(text);
  }

  /** What was held back. */
  end(): string {
    return this.#send(this.#tokenizer.decode(this.#tokens));
  }

  #send(text: string): string {
    const before = this.#tokenizer.decode(this.#tokens.slice(0, this.#sent));
    this.#tokens = this.#tokens.slice(this.#sent);
    this.#sent = this.#tokens.length;
    return text.slice(before.length);
  }
}
