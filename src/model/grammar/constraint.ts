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
  return new TokenConstraint(tableOf(tokenizer, vocabulary), grammar);
}

interface TokenTable {
  readonly trie: TokenTrie;
  readonly eos: readonly number[];
  readonly readings: WeakMap<Grammar, Reading>;
}

/** Made once for a tokenizer: it takes as long as many masks. */
const tables = new WeakMap<Tokenizer, Map<string, TokenTable>>();

function tableOf(tokenizer: Tokenizer, { vocabulary, eos }: Vocabulary): TokenTable {
  const known = tables.get(tokenizer) ?? new Map<string, TokenTable>();
  tables.set(tokenizer, known);
  const key = `${vocabulary};${eos}`;
  const table = known.get(key) ?? newTable(tokenizer, vocabulary, eos);
  known.set(key, table);
  return table;
}

function newTable(tokenizer: Tokenizer, vocabulary: number, eos: readonly number[]): TokenTable {
  const bytes = tokenBytes(tokenizer, vocabulary);
  // what ends a text is no part of it, however it is spelled
  for (const token of eos) if (token < vocabulary) bytes[token] = new Uint8Array();
  return {
    trie: new TokenTrie(bytes),
    eos: eos.filter((token) => token < vocabulary),
    readings: new WeakMap(),
  };
}

/** What was found of a grammar and a vocabulary; shared by all texts, given up when it is large. */
interface Reading {
  readonly program: Program;
  readonly recogniser: Recogniser;
  readonly masks: Map<State, Uint32Array>;
}

/** Of a reading at most. */
const MOST_BYTES = 32 * 2 ** 20;

class TokenConstraint implements Constraint {
  readonly #table: TokenTable;
  readonly #grammar: Grammar;
  #reading: Reading;
  /** Undefined behind the end. */
  #state: State | undefined;
  /** Tokens so far. */
  readonly #tokens: number[] = [];

  constructor(table: TokenTable, grammar: Grammar) {
    this.#table = table;
    this.#grammar = grammar;
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
    if (recogniser.bytes + (masks.size + 1) * mask.byteLength > MOST_BYTES) this.#reopen();
    else masks.set(state, mask);
    return mask;
  }

  accept(token: number): void {
    const ends = this.#table.eos.includes(token) && (this.#state?.ends ?? true);
    const next = ends ? undefined : this.#walk(token);
    if (!ends && !next) throw new MnemeError("STATE", `grammar: token ${token} may not come here`);
    this.#state = next;
    if (!ends) this.#tokens.push(token);
  }

  #walk(token: number): State | undefined {
    const bytes = this.#table.trie.bytesOf(token);
    let state = bytes.length > 0 ? this.#state : undefined;
    for (const byte of bytes) if (state) state = this.#reading.recogniser.step(state, byte);
    return state;
  }

  #end(mask: Uint32Array): Uint32Array {
    for (const token of this.#table.eos) mask[token >> 5]! |= 1 << (token & 31);
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
    for (const token of this.#tokens) this.#state = this.#walk(token);
  }
}

function noToken(): MnemeError {
  return new MnemeError(
    "UNSUPPORTED",
    "grammar: no token of this model's vocabulary goes on from here; the grammar asks for characters that the model cannot write",
  );
}
