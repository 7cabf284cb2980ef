/** A grammar over the tokens of a vocabulary: which may come next, so that the whole is a text of the grammar. */
import { MnemeError } from "../../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Grammar } from "./expression.ts";
import { type Program, programOf } from "./program.ts";
import { Recogniser, type State } from "./recogniser.ts";
import { tokenBytes } from "./token-bytes.ts";
import { TokenTrie } from "./token-trie.ts";

export interface Constraint {
  /** Nothing but the end may come. */
  readonly done: boolean;
  /**
   * A bit for each token that may come next, the tokens that end a text among them where it may end.
   * @returns borrowed: not to be changed
   * @throws MnemeError UNSUPPORTED where no token of this vocabulary goes on, BUDGET where the text has too many readings
   */
  allowed(): Uint32Array;
  /** @throws MnemeError STATE for a token that may not come */
  accept(token: number): void;
}

/** What of a model's configuration is asked here. */
export interface Vocabulary {
  /** Tokens with a logit. */
  readonly vocabulary: number;
  /** Tokens that end a text. */
  readonly eos: readonly number[];
}

/** @throws MnemeError of a grammar that is refused, see programOf */
export function constraintOf(tokenizer: Tokenizer, vocabulary: Vocabulary, grammar: Grammar): Constraint {
  return new TokenConstraint(vocabularyOf(tokenizer, vocabulary.vocabulary), vocabulary.eos, grammar);
}

interface TokenTable {
  readonly bytes: readonly Uint8Array[];
  readonly trie: TokenTrie;
  readonly readings: WeakMap<Grammar, Reading>;
}

/** Made once for a tokenizer: it takes as long as many masks. */
const tables = new WeakMap<Tokenizer, Map<number, TokenTable>>();

function vocabularyOf(tokenizer: Tokenizer, size: number): TokenTable {
  const known = tables.get(tokenizer) ?? new Map<number, TokenTable>();
  tables.set(tokenizer, known);
  const table = known.get(size) ?? tableOf(tokenBytes(tokenizer, size));
  known.set(size, table);
  return table;
}

function tableOf(bytes: readonly Uint8Array[]): TokenTable {
  return { bytes, trie: new TokenTrie(bytes), readings: new WeakMap() };
}

/** What was found of a grammar and a vocabulary; shared by all texts, given up when it is large. */
interface Reading {
  readonly program: Program;
  readonly recogniser: Recogniser;
  readonly masks: Map<State, Uint32Array>;
}

/** States, frames and words of masks in a reading at most: some hundred megabytes. */
const MOST_HELD = 2 ** 20;

class TokenConstraint implements Constraint {
  readonly #table: TokenTable;
  readonly #grammar: Grammar;
  readonly #eos: readonly number[];
  #reading: Reading;
  /** Undefined behind the end. */
  #state: State | undefined;
  /** Tokens so far. */
  readonly #tokens: number[] = [];

  constructor(table: TokenTable, eos: readonly number[], grammar: Grammar) {
    this.#table = table;
    this.#grammar = grammar;
    this.#eos = eos.filter((token) => token < table.trie.size);
    this.#reading = table.readings.get(grammar) ?? this.#open(programOf(grammar));
    this.#state = this.#reading.recogniser.start;
  }

  get done(): boolean {
    return this.#state === undefined || this.#state.heads.length === 0;
  }

  allowed(): Uint32Array {
    const state = this.#state;
    if (!state) return this.#end(new Uint32Array(Math.ceil(this.#table.trie.size / 32)));
    const { recogniser, masks } = this.#reading;
    const known = masks.get(state);
    if (known) return known;
    const mask = this.#table.trie.mask(recogniser, state);
    if (state.ends) this.#end(mask);
    if (mask.every((word) => word === 0)) throw noToken();
    if (recogniser.size + (masks.size + 1) * mask.length > MOST_HELD) this.#reopen();
    else masks.set(state, mask);
    return mask;
  }

  accept(token: number): void {
    const ends = this.#eos.includes(token) && (this.#state?.ends ?? true);
    const bytes = ends ? undefined : this.#table.bytes[token];
    const next = bytes && bytes.length > 0 ? this.#walk(bytes) : undefined;
    if (!ends && !next) throw new MnemeError("STATE", `grammar: token ${token} may not come here`);
    this.#state = next;
    if (!ends) this.#tokens.push(token);
  }

  #walk(bytes: Uint8Array): State | undefined {
    let state = this.#state;
    for (const byte of bytes) if (state) state = this.#reading.recogniser.step(state, byte);
    return state;
  }

  #end(mask: Uint32Array): Uint32Array {
    for (const token of this.#eos) mask[token >> 5]! |= 1 << (token & 31);
    return mask;
  }

  #open(program: Program): Reading {
    const reading: Reading = { program, recogniser: new Recogniser(program), masks: new Map() };
    this.#table.readings.set(this.#grammar, reading);
    return reading;
  }

  /** A new reading, up to where the text is. */
  #reopen(): void {
    this.#reading = this.#open(this.#reading.program);
    this.#state = this.#reading.recogniser.start;
    for (const token of this.#tokens) this.#state = this.#walk(this.#table.bytes[token]!);
  }
}

function noToken(): MnemeError {
  return new MnemeError(
    "UNSUPPORTED",
    "grammar: no token of this model's vocabulary goes on from here; the grammar asks for characters that the model cannot write",
  );
}
