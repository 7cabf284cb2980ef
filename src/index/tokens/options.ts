/** What an index of token vectors is made with, how it is searched, and its defaults. */
import type { LazyPool } from "../../kernels/index.ts";
import type { SearchOptions } from "../segment.ts";
import type { FixedEncodingOptions } from "./fixed-encoding.ts";

export interface MultiVectorOptions {
  /** Values of a token vector. */
  readonly dim: number;
  /** Name of the space that the vectors live in: model, revision, pruning. Queries that name another are refused. */
  readonly space?: string;
  /** The first stage; false: every search scores all documents exactly. */
  readonly encoding?: FixedEncodingOptions | false;
  /** Codec of the encodings, one that needs no training; default "rabitq1". */
  readonly codec?: string;
  /** Threads that score beside the caller's; borrowed for the index's life. */
  readonly pool?: LazyPool;
}

export interface MultiVectorSearchOptions extends SearchOptions {
  /** Documents that the first stage hands on to be scored exactly; default 100, and at least k. "all": no first stage. */
  readonly candidates?: number | "all";
  /** Name of the query's space, where the index has one. */
  readonly space?: string;
}

export const multiVectorDefaults = { codec: "rabitq1", candidates: 100 } as const;
