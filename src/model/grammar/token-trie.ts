/** A vocabulary as a tree by bytes, walked together with a recogniser: tokens that begin alike are tried once as far as they do. */
import { type Recogniser, type State, tooAmbiguous } from "./recogniser.ts";

/** That one mask may add to a recogniser. Hardly a megabyte is usual; a grammar with many readings of every text would take the machine. */
const MOST_BYTES = 64 * 2 ** 20;

export class TokenTrie {
  /** Nodes in the order of a walk from the top: of each its byte, its depth, and the node behind all below it. */
  readonly #bytes: Uint8Array;
  readonly #depths: Uint16Array;
  readonly #ends: Uint32Array;
  /** Tokens in the order of their bytes; those that end at node i are from #first[i] to #first[i + 1]. */
  readonly #tokens: Uint32Array;
  readonly #first: Uint32Array;
  readonly #deepest: number;
  /** The bytes of token i are from #offsets[i] to #offsets[i + 1]. */
  readonly #packed: Uint8Array;
  readonly #offsets: Uint32Array;
  /** Tokens, with those that stand for no bytes. */
  readonly size: number;

  /** @param tokens the bytes of each; tokens without any are in no mask */
  constructor(tokens: readonly Uint8Array[]) {
    this.size = tokens.length;
    this.#offsets = new Uint32Array(tokens.length + 1);
    tokens.forEach((bytes, token) => {
      this.#offsets[token + 1] = this.#offsets[token]! + bytes.length;
    });
    this.#packed = new Uint8Array(this.#offsets[tokens.length]!);
    tokens.forEach((bytes, token) => this.#packed.set(bytes, this.#offsets[token]));
    this.#tokens = Uint32Array.from(tokens.keys())
      .filter((token) => tokens[token]!.length > 0)
      .sort((a, b) => compare(tokens[a]!, tokens[b]!) || a - b);
    const nodes = this.#tokens.reduce((sum, token) => sum + tokens[token]!.length, 0);
    const [bytes, depths, ends, first] = [
      new Uint8Array(nodes),
      new Uint16Array(nodes),
      new Uint32Array(nodes),
      new Uint32Array(nodes + 1),
    ];
    const path: number[] = [];
    let count = 0;
    let before: Uint8Array = new Uint8Array();
    this.#tokens.forEach((token, order) => {
      const own = tokens[token]!;
      const shared = sharedStart(before, own);
      while (path.length > shared) ends[path.pop()!] = count;
      for (let depth = shared; depth < own.length; depth++) {
        bytes[count] = own[depth]!;
        depths[count] = depth;
        first[count] = order;
        path.push(count++);
      }
      before = own;
    });
    for (const node of path) ends[node] = count;
    first[count] = this.#tokens.length;
    this.#bytes = bytes.slice(0, count);
    this.#depths = depths.slice(0, count);
    this.#ends = ends.slice(0, count);
    this.#first = first.slice(0, count + 1);
    this.#deepest = depths.reduce((most, depth) => Math.max(most, depth), 0);
  }

  /** Bytes held. */
  get bytes(): number {
    return [
      this.#bytes,
      this.#depths,
      this.#ends,
      this.#tokens,
      this.#first,
      this.#packed,
      this.#offsets,
    ].reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** Borrowed; empty for a token without bytes or a number without a token. */
  bytesOf(token: number): Uint8Array {
    return this.#packed.subarray(this.#offsets[token] ?? 0, this.#offsets[token + 1] ?? 0);
  }

  /** A bit for each token that may come in this state. @throws MnemeError BUDGET where that takes too much */
  mask(recogniser: Recogniser, from: State): Uint32Array {
    const allowed = new Uint32Array(Math.ceil(this.size / 32));
    const states = new Array<State>(this.#deepest + 2).fill(from);
    const most = recogniser.bytes + MOST_BYTES;
    for (let node = 0; node < this.#bytes.length; ) {
      if (recogniser.bytes > most) throw tooAmbiguous();
      const depth = this.#depths[node]!;
      const state = recogniser.step(states[depth]!, this.#bytes[node]!);
      if (!state) {
        node = this.#ends[node]!;
        continue;
      }
      states[depth + 1] = state;
      for (let i = this.#first[node]!; i < this.#first[node + 1]!; i++) {
        const token = this.#tokens[i]!;
        allowed[token >> 5]! |= 1 << (token & 31);
      }
      node++;
    }
    return allowed;
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const shared = sharedStart(a, b);
  return shared < a.length && shared < b.length ? a[shared]! - b[shared]! : a.length - b.length;
}

function sharedStart(a: Uint8Array, b: Uint8Array): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}
