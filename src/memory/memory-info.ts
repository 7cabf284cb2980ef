/** What a library says of itself. */
import type { Space } from "../embed/embedder.ts";
import type { TunedRecall } from "./recall-plan.ts";
import type { SkippedIn } from "./skip-log.ts";

export interface StatsRow {
  readonly structure: string;
  readonly tier: "ram" | "disk" | "remote";
  readonly bytes: number;
  /** Share of the budget, of RAM that the budget is for: not of a language model, which is borrowed. */
  readonly share?: number;
}

export interface MemoryInfo {
  readonly location: string;
  readonly writable: boolean;
  readonly items: number;
  readonly passages: number;
  readonly textBytes: number;
  readonly segments: number;
  readonly tailRows: number;
  /** Where items are filed in a cube: its dimensions, and the passages that are filed by now. */
  readonly cube?: { readonly dimensions: readonly string[]; readonly filed: number };
  readonly space: Space;
  /** Text by how substrings of it are looked for, where the library shall have an index of them. */
  readonly substrings?: {
    readonly indexedBytes: number;
    readonly scannedBytes: number;
    /** Segments whose shards could not be used, and why. */
    readonly refused: readonly string[];
  };
  /** What the last run over each folder left out; absent where nothing was. */
  readonly skipped?: readonly SkippedIn[];
  /** Set while a reembed is under way. */
  readonly nextSpace?: Space & { readonly done: number; readonly total: number };
  readonly budgetBytes: number;
  readonly usedBytes: number;
  readonly diskBytes: number;
  readonly freeBytes: number;
  readonly generation: number;
  readonly formatVersion: number;
  /** What tuning on a query log found best, and searches use. */
  readonly tuned?: TunedRecall;
}
