/** A text and a pattern as numbers of symbols, the ones that meet most often first; what the pattern does not have is DEAD. */
import { MnemeError } from "../../errors.ts";
import { DEAD } from "../../kernels/index.ts";

/** Symbols: bytes, UTF-16 units, or code points and token ids. */
export type Symbols = Uint8Array | Uint16Array | Uint32Array;

export interface Alphabet {
  /** Symbols of the pattern: 0 to before it. */
  readonly size: number;
  readonly text: Uint32Array;
  readonly pattern: Uint32Array;
  /** Of each symbol, how often text and pattern have it. */
  readonly inText: Float64Array;
  readonly inPattern: Float64Array;
}

/** The longest pattern: counts stay whole numbers in f32. */
export const LONGEST_PATTERN = 2 ** 23;

/** @throws MnemeError DTYPE, RANGE */
export function checkSymbols(text: Symbols, pattern: Symbols): void {
  if (text.constructor !== pattern.constructor)
    throw new MnemeError(
      "DTYPE",
      `hamming: the text is ${text.constructor.name}, the pattern ${pattern.constructor.name}; make both of one type`,
    );
  if (pattern.length === 0)
    throw new MnemeError("RANGE", "hamming: an empty pattern has no distances; give at least one symbol");
  if (pattern.length > text.length)
    throw new MnemeError(
      "RANGE",
      `hamming: the pattern has ${pattern.length} symbols, the text ${text.length}; it must not be longer`,
    );
  if (pattern.length > LONGEST_PATTERN)
    throw new MnemeError(
      "RANGE",
      `hamming: the pattern has ${pattern.length} symbols, ${LONGEST_PATTERN} are the most; cut it in pieces`,
    );
}

/** Numbers symbols by how many pairs of positions of text and pattern have them. */
export function alphabetOf(text: Symbols, pattern: Symbols): Alphabet {
  const table = new SymbolTable(pattern);
  const { size } = table;
  const [met, patternMet] = [table.numbersOf(text), table.numbersOf(pattern)];
  const [inText, inPattern] = [countsOf(met, size), countsOf(patternMet, size)];
  const order = new Uint32Array(size).map((_, number) => number);
  const pairs = inText.map((count, number) => count * inPattern[number]!);
  order.sort((a, b) => pairs[b]! - pairs[a]! || a - b);
  const numbers = new Uint32Array(size);
  order.forEach((number, place) => {
    numbers[number] = place;
  });
  return {
    size,
    text: renumbered(met, numbers),
    pattern: renumbered(patternMet, numbers),
    inText: inText.map((_, place) => inText[order[place]!]!),
    inPattern: inPattern.map((_, place) => inPattern[order[place]!]!),
  };
}

function countsOf(symbols: Uint32Array, size: number): Float64Array {
  const counts = new Float64Array(size);
  for (let i = 0; i < symbols.length; i++) if (symbols[i] !== DEAD) counts[symbols[i]!]!++;
  return counts;
}

/** In place. */
function renumbered(symbols: Uint32Array, numbers: Uint32Array): Uint32Array {
  for (let i = 0; i < symbols.length; i++) if (symbols[i] !== DEAD) symbols[i] = numbers[symbols[i]!]!;
  return symbols;
}

/**
 * Symbols of a pattern numbered as they are met: narrow ones in a slot of their own, wide ones by open addressing. What comes after is as long as there are
 * symbols, not slots.
 */
class SymbolTable {
  size = 0;
  /** Of each slot; DEAD where it is empty. */
  readonly #numbers: Uint32Array;
  /** Of each slot the symbol; none where slots are symbols. */
  readonly #keys: Uint32Array | undefined;
  readonly #shift: number;

  constructor(pattern: Symbols) {
    const isWide = pattern instanceof Uint32Array;
    const bits = isWide ? Math.ceil(Math.log2(pattern.length * 2 + 2)) : 8 * pattern.BYTES_PER_ELEMENT;
    this.#shift = 32 - bits;
    this.#numbers = new Uint32Array(2 ** bits).fill(DEAD);
    this.#keys = isWide ? new Uint32Array(2 ** bits) : undefined;
    for (const symbol of pattern) {
      const slot = this.#keys ? slotOf(this.#numbers, this.#keys, this.#shift, symbol) : symbol;
      if (this.#numbers[slot] !== DEAD) continue;
      if (this.#keys) this.#keys[slot] = symbol;
      this.#numbers[slot] = this.size++;
    }
  }

  /** DEAD where the pattern has no such symbol. */
  numbersOf(symbols: Symbols): Uint32Array {
    const [numbers, keys, shift] = [this.#numbers, this.#keys, this.#shift];
    const out = new Uint32Array(symbols.length);
    if (keys)
      for (let i = 0; i < symbols.length; i++) out[i] = numbers[slotOf(numbers, keys, shift, symbols[i]!)]!;
    else for (let i = 0; i < symbols.length; i++) out[i] = numbers[symbols[i]!]!;
    return out;
  }
}

/** The slot of a symbol, or the empty one where it would go. */
function slotOf(numbers: Uint32Array, keys: Uint32Array, shift: number, symbol: number): number {
  const mask = keys.length - 1;
  let slot = Math.imul(symbol, 0x9e3779b1) >>> shift;
  while (numbers[slot] !== DEAD && keys[slot] !== symbol) slot = (slot + 1) & mask;
  return slot;
}
