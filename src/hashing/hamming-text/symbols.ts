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
  const { slots } = table;
  const textSlots = table.slotsOf(text);
  const patternSlots = table.slotsOf(pattern);
  const inText = countsOf(textSlots, slots);
  const inPattern = countsOf(patternSlots, slots);
  const pairs = inText.map((count, slot) => count * inPattern[slot]!);
  const order = Uint32Array.from(pairs.keys())
    .filter((slot) => inPattern[slot]! > 0)
    .sort((a, b) => pairs[b]! - pairs[a]! || a - b);
  const numbers = new Uint32Array(slots).fill(DEAD);
  order.forEach((slot, number) => {
    numbers[slot] = number;
  });
  return {
    size: order.length,
    text: renumbered(textSlots, numbers),
    pattern: renumbered(patternSlots, numbers),
    inText: Float64Array.from(order, (slot) => inText[slot]!),
    inPattern: Float64Array.from(order, (slot) => inPattern[slot]!),
  };
}

function countsOf(slots: Uint32Array, count: number): Float64Array {
  const counts = new Float64Array(count);
  for (let i = 0; i < slots.length; i++) counts[slots[i]!]!++;
  return counts;
}

/** In place. */
function renumbered(slots: Uint32Array, numbers: Uint32Array): Uint32Array {
  for (let i = 0; i < slots.length; i++) slots[i] = numbers[slots[i]!]!;
  return slots;
}

/** A slot for each symbol: of narrow ones its own, of wide ones by open addressing of those that the pattern has. */
class SymbolTable {
  readonly slots: number;
  /** The symbol of a slot, + 1; 0 for none. What the pattern lacks ends in an empty slot. */
  readonly #keys: Float64Array | undefined;
  readonly #shift: number;

  constructor(pattern: Symbols) {
    const bits = Math.ceil(Math.log2(pattern.length * 2 + 2));
    this.#shift = 32 - bits;
    this.slots = pattern instanceof Uint32Array ? 2 ** bits : 256 ** pattern.BYTES_PER_ELEMENT;
    if (!(pattern instanceof Uint32Array)) return;
    this.#keys = new Float64Array(this.slots);
    for (const symbol of pattern) this.#keys[slotOf(this.#keys, this.#shift, symbol)] = symbol + 1;
  }

  slotsOf(symbols: Symbols): Uint32Array {
    const keys = this.#keys;
    if (!keys) return Uint32Array.from(symbols);
    const slots = new Uint32Array(symbols.length);
    for (let i = 0; i < symbols.length; i++) slots[i] = slotOf(keys, this.#shift, symbols[i]!);
    return slots;
  }
}

function slotOf(keys: Float64Array, shift: number, symbol: number): number {
  const mask = keys.length - 1;
  let slot = Math.imul(symbol, 0x9e3779b1) >>> shift;
  while (keys[slot] !== 0 && keys[slot] !== symbol + 1) slot = (slot + 1) & mask;
  return slot;
}
