/** Alignments within k mismatches. */
import { MnemeError, throwIfAborted } from "../../errors.ts";
import { type FoundPairs, kernels, WasmMatches } from "../../kernels/index.ts";
import { unitCosts } from "./costs.ts";
import { distancesOf } from "./distances.ts";
import { planHamming } from "./plan.ts";
import { Seeds } from "./seeds.ts";
import { type Alphabet, alphabetOf, checkSymbols, type Symbols } from "./symbols.ts";

export interface WithinOptions {
  /** How: every alignment looked at, those alone that have a piece of the pattern, or all distances. Default the cheapest. */
  readonly method?: "auto" | "scan" | "seeds" | "distances";
  readonly signal?: AbortSignal;
}

/** Alignments, ascending, and their mismatches. */
export interface Within {
  readonly positions: Uint32Array;
  readonly distances: Uint32Array;
}

/** Alignments looked at between two looks at the signal. */
const CHUNK = 1 << 20;
/** Nanoseconds to look at one alignment, beyond its symbols. */
const LOOK = 3;
/** Symbols compared at once, by the bytes of one. */
const AT_ONCE = 16;

/**
 * All alignments at which at most `most` symbols differ; each is left at its `most` + 1st. Of a pattern cut in `most` + 1 pieces one is whole at each of
 * them: where that tells more than it costs, only alignments of whole pieces are looked at.
 * @param most from 0 to before the pattern's length
 * @throws MnemeError DTYPE, RANGE, CANCELLED
 */
export function hammingWithin(
  text: Symbols,
  pattern: Symbols,
  most: number,
  options: WithinOptions = {},
): Within {
  checkSymbols(text, pattern);
  if (!Number.isInteger(most) || most < 0 || most >= pattern.length)
    throw new MnemeError(
      "RANGE",
      `hamming: ${most} mismatches; a whole number from 0 to ${pattern.length - 1}, before the pattern's length, is needed`,
    );
  const alphabet = alphabetOf(text, pattern);
  const method =
    options.method === undefined || options.method === "auto" ? cheapest(alphabet, most) : options.method;
  if (method === "distances")
    return among(distancesOf(alphabet, options.signal ? { signal: options.signal } : {}), most);
  return byLooking(alphabet, most, method === "seeds", options.signal);
}

/** An alignment is left after some symbols: the more of them are equal by chance, the later. */
function cheapest(alphabet: Alphabet, most: number): "scan" | "seeds" | "distances" {
  const { text, pattern, inText, inPattern, size } = alphabet;
  const costs = unitCosts();
  const equal =
    inText.reduce((sum, count, s) => sum + count * inPattern[s]!, 0) / (text.length * pattern.length);
  const looked = Math.min(pattern.length, (most + 1) / Math.max(1e-9, 1 - equal));
  const width = size < 0xff ? 1 : size < 0xffff ? 2 : 4;
  const scan = text.length * (LOOK + Math.ceil((looked * width) / AT_ONCE) * 1.5);
  const piece = Math.floor(pattern.length / (most + 1));
  const chance = Math.min(1, (most + 1) * equal ** piece);
  const seeds = text.length * (4 * LOOK + chance * (scan / text.length + 4 * LOOK));
  const distances = planHamming(alphabet, costs).milliseconds * 1e6;
  const least = Math.min(scan, seeds, distances);
  return least === scan ? "scan" : least === seeds ? "seeds" : "distances";
}

function among(distances: Uint32Array, most: number): Within {
  const positions: number[] = [];
  distances.forEach((distance, at) => {
    if (distance <= most) positions.push(at);
  });
  return {
    positions: Uint32Array.from(positions),
    distances: Uint32Array.from(positions, (at) => distances[at]!),
  };
}

function byLooking(
  { text, pattern, size }: Alphabet,
  most: number,
  isSeeded: boolean,
  signal?: AbortSignal,
): Within {
  const alignments = text.length - pattern.length + 1;
  const chunk = Math.min(alignments, Math.max(CHUNK, pattern.length));
  using matches = new WasmMatches(kernels(), pattern, size, chunk + pattern.length - 1);
  const seeds = isSeeded ? new Seeds(pattern, most + 1) : undefined;
  const found: FoundPairs = [];
  for (let first = 0; first < alignments; first += chunk) {
    throwIfAborted(signal, "hamming");
    const some = text.subarray(first, Math.min(text.length, first + chunk + pattern.length - 1));
    matches.load(some);
    if (!seeds) matches.scan(most, first, found);
    else
      for (const at of seeds.alignments(some)) {
        const distance = matches.at(at, most);
        if (distance <= most) found.push(first + at, distance);
      }
  }
  const count = found.length / 2;
  return {
    positions: Uint32Array.from({ length: count }, (_, i) => found[2 * i]!),
    distances: Uint32Array.from({ length: count }, (_, i) => found[2 * i + 1]!),
  };
}
