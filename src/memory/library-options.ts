/** What the reading half of a memory is opened with. */
import type { VectorWish } from "../index/vector/plan.ts";
import type { Filing } from "./cube/filing.ts";

export interface LibraryOptions {
  /** Threads that a search may use beside the caller's; default: as the cores allow. */
  readonly threads?: number | undefined;
  /** Kind of the vector indexes of large segments. */
  readonly vectors: VectorWish;
  /** Whether shards of substrings are made and used; default: as the library was told before. */
  readonly substrings?: boolean | undefined;
  /** Bytes of the budget that others than the library's structures hold: the embedder. */
  readonly besideBytes: number;
  /** How items are filed in a cube; absent: not. */
  readonly filing?: Filing | undefined;
}
