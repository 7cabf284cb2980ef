/** What the ways of counting cost on this machine, measured once in a few milliseconds: plans are made by them, results do not depend on them. */
import { complexBytes, kernels, WasmFft, WasmMatches } from "../../kernels/index.ts";

/** Nanoseconds. */
export interface UnitCosts {
  /** To compare one pair of positions, by bytes a symbol: 1, 2, 4. */
  readonly compare: { readonly 1: number; readonly 2: number; readonly 4: number };
  /** To count one pair that is equal. */
  readonly pair: number;
  /** To look at a text symbol at all. */
  readonly symbol: number;
  /** A transform, for each value and each halving of its length. */
  readonly transform: number;
  /** Two symbols of a text made a row, and its spectrum multiplied onto another, for each value. */
  readonly indicate: number;
}

let measured: UnitCosts | undefined;

export function unitCosts(): UnitCosts {
  measured ??= measureCosts();
  return measured;
}

const TEXT = 1 << 14;
const PATTERN = 1 << 8;
const LENGTH = 1 << 12;
const REPEATS = 3;
/** Turns after which what a short loop takes is what it takes once compiled for good. */
const TURNS = 32;

function measureCosts(): UnitCosts {
  const compare = (symbols: number): number => {
    using matches = made(symbols, PATTERN);
    return best(() => matches.addAll()) / (matches.alignments * PATTERN);
  };
  using few = made(8, 8);
  using many = made(8, PATTERN);
  const symbol = best(() => few.addPairs(0, 8), TURNS) / TEXT;
  const pair = best(() => many.addPairs(0, 8)) / ((TEXT * PATTERN) / 8);
  using fft = new WasmFft(kernels(), LENGTH);
  using rows = kernels().arena.alloc(3 * complexBytes(LENGTH));
  rows.f32().fill(0);
  const [row, other, sum] = [0, 1, 2].map((i) => rows.pointer + i * complexBytes(LENGTH));
  const transform = best(() => fft.forward(row!), TURNS) / (LENGTH * Math.log2(LENGTH));
  const indicate = best(() => {
    many.indicateText(fft, 0, 0, 1, row!);
    fft.multiply(row!, other!, sum!, true);
  }, TURNS);
  return {
    compare: { 1: compare(8), 2: compare(300), 4: compare(70_000) },
    pair,
    symbol,
    transform,
    indicate: indicate / LENGTH,
  };
}

/** A text of symbols in turn, and a pattern whose alphabet is said to be so large. */
function made(symbols: number, length: number): WasmMatches {
  const cycle = Math.min(symbols, 8);
  const matches = new WasmMatches(
    kernels(),
    Uint32Array.from({ length }, (_, i) => i % cycle),
    symbols,
    TEXT,
  );
  matches.load(Uint32Array.from({ length: TEXT }, (_, i) => (i * 5) % cycle));
  return matches;
}

/** The shortest of a few runs, each of so many turns; the first of them compiles. */
function best(run: () => void, turns = 1): number {
  let least = Infinity;
  for (let i = 0; i <= REPEATS; i++) {
    const start = performance.now();
    for (let turn = 0; turn < turns; turn++) run();
    if (i > 0) least = Math.min(least, performance.now() - start);
  }
  return (Math.max(least, 1e-4) * 1e6) / turns;
}
