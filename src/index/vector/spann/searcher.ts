/** One search at a time: heads near a query, then round by round the lists of those, until none can hold anything better. */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import type { Hits } from "../../hits.ts";
import type { SearchOptions } from "../../segment.ts";
import { Found } from "./found.ts";
import type { Heads, NearestHeads } from "./heads.ts";
import { ListQuery } from "./list-query.ts";
import type { LiveRows } from "./live-rows.ts";
import type { QueryPoint } from "./metric-space.ts";
import type { PendingRows } from "./pending.ts";
import { isPruned, type Pruning } from "./prune.ts";
import { type PostingReader, Round } from "./round.ts";

/** What a search is asked to look at. */
export interface Reach {
  /** Lists that a search reads at most. */
  readonly lists: number;
  readonly pruning: Pruning;
}

export type FullSearchOptions = SearchOptions & Reach;

/** What searches go through, borrowed. */
export interface Searched {
  readonly heads: Heads;
  readonly live: LiveRows;
  readonly pending: PendingRows;
}

/** Lists of a search's first round and of its others: each round is one batch of reads. */
const FIRST_LISTS = 8;
export const MOST_LISTS = 32;
/** Heads that a search asks for at first. */
const FIRST_HEADS = 48;
/** How many times as many it asks for next. */
const WIDER = 4;

/** Reused from search to search. */
export class Searcher implements Disposable {
  readonly #searched: Searched;
  readonly #query: ListQuery;
  readonly #round: Round;
  #isDisposed = false;

  /** @param confidence standard deviations by which an estimate may be wrong before its row is lost */
  constructor(searched: Searched, reader: PostingReader, confidence: number) {
    this.#searched = searched;
    this.#query = new ListQuery(reader.shape.coder, confidence);
    this.#round = new Round(reader, this.#query, searched.pending, MOST_LISTS);
  }

  get bytes(): number {
    return this.#round.bytes + this.#query.bytes;
  }

  /** @param nearest as `firstHeads` gives them, where they are known. @throws MnemeError as SpannIndex.search */
  async search(query: QueryPoint, options: FullSearchOptions, nearest?: NearestHeads): Promise<Hits> {
    if (this.#isDisposed) throw new MnemeError("DISPOSED", "search: the index was closed; open it again");
    const found = new Found(query, options, this.#searched.live);
    this.#query.set(query.values);
    this.#round.begin();
    const most = mostOf(options);
    // most searches are pruned early: heads are sought as they are needed
    let known = nearest;
    for (let lists = firstOf(options); ; lists *= WIDER) {
      const heads = known ?? this.#searched.heads.nearest(query.values, lists);
      known = undefined;
      const wasPruned = await this.#read(heads, options, found);
      if (wasPruned || heads.isAll) return found.hits();
      if (lists < most) lists = Math.min(lists, most / WIDER);
      // a filter or a cursor lets few rows through: wider, until there are k or no more lists
      else if (found.isFull || options.minScore !== undefined) return found.hits();
    }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#query[Symbol.dispose]();
    this.#round[Symbol.dispose]();
  }

  /** Reads the lists of the heads round by round. @returns whether it was pruned before the last */
  async #read(heads: NearestHeads, { pruning, signal }: FullSearchOptions, found: Found): Promise<boolean> {
    const [nearest] = heads.distances;
    let size = FIRST_LISTS;
    for (let at = 0; at < heads.count; ) {
      throwIfAborted(signal, "search");
      const last = Math.min(heads.count, at + size);
      const { limit } = found;
      let end = at;
      while (end < last && !(limit < Infinity && isPruned(pruning, heads.distances[end]!, nearest!, limit)))
        end++;
      if (end > at) await this.#round.search(heads, at, end, found);
      if (end < last) return true;
      at = end;
      size = Math.min(MOST_LISTS, size * 2);
    }
    return false;
  }
}

const mostOf = ({ lists }: Reach): number => Math.max(1, lists);
const firstOf = (reach: Reach): number => Math.min(mostOf(reach), FIRST_HEADS);

/** The heads that a search looks at first. */
export const firstHeads = (heads: Heads, { values }: QueryPoint, reach: Reach): NearestHeads =>
  heads.nearest(values, firstOf(reach));
