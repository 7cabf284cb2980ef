/** The posting lists of a query's terms in every segment of an index, held for as long as the lease that they were read under. */
import type { HeldLists, ListSource } from "../../kernels/index.ts";
import { slab } from "../../slab.ts";
import { type Lexicon, MissingLists } from "./lexicon.ts";
import type { WordsSegment } from "./words-segment.ts";

export class QueryPostings {
  readonly terms: readonly string[];
  /** In row order. */
  readonly segments: readonly WordsSegment[];
  /** Frequency and list, term by term, segment by segment: as objects they would be much of what searches leave to the collector. */
  readonly numbers: Uint32Array;

  constructor(terms: readonly string[], segments: readonly WordsSegment[]) {
    this.terms = terms;
    this.segments = segments;
    this.numbers = slab.u32(2 * terms.length * segments.length);
  }

  /** Rows of segment number `segment` that hold term number `term`. */
  frequency(segment: number, term: number): number {
    return this.numbers[2 * (segment * this.terms.length + term)]!;
  }

  /** Where its list is held; of no meaning where the frequency is 0. */
  list(segment: number, term: number): number {
    return this.numbers[2 * (segment * this.terms.length + term) + 1]!;
  }
}

/** Room that no reading uses now. */
let spare: MissingLists | undefined;

/** To be called under a lease of `held`. */
export async function readPostings(
  lexicon: Lexicon,
  terms: readonly string[],
  held: HeldLists,
): Promise<QueryPostings> {
  const postings = new QueryPostings(terms, lexicon.segments);
  for (let number = 0; number < postings.segments.length; number++) {
    const reading = readSegment(lexicon, postings, number, held);
    if (reading) await reading;
  }
  return postings;
}

function readSegment(
  lexicon: Lexicon,
  { terms, segments, numbers }: QueryPostings,
  number: number,
  held: HeldLists,
): Promise<void> | undefined {
  const first = 2 * number * terms.length;
  const missing = spare ?? new MissingLists();
  spare = undefined;
  lexicon.entries(terms, number, held, numbers, first, missing);
  if (missing.count === 0) {
    spare = missing;
    return undefined;
  }
  const segment = segments[number]!;
  const hold = (lists: ListSource): void => {
    for (let index = 0; index < missing.count; index++) {
      const term = missing.terms[index]!;
      const at = first + 2 * term;
      numbers[at + 1] = held.put(lists, index, numbers[at]!, segment.lengths);
      lexicon.hold(terms[term]!, segment, numbers[at + 1]!, held.generation);
    }
    spare = missing;
  };
  const reading = segment.readPostings(missing);
  if (reading instanceof Promise) return reading.then(hold);
  hold(reading);
  return undefined;
}
