/** What a worker thread can be asked to do, and what it answers. Everything crosses as structured clones; big bytes are transferred. */
import type { About, StandardDimension } from "../../index/cube/index.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { Parts } from "../../index/segment.ts";
import type { BuiltIndex } from "../../index/vector/kinds.ts";
import type { CubeEntry, SpaceEntry } from "../layout.ts";
import type { Item, Skipped } from "../types.ts";
import type { BuildItem, MergeInput } from "./build.ts";
import type { PagedParts } from "./page-runs.ts";
import type { Prior } from "./prepare.ts";

/** What a thread is started with. */
export interface WorkerData {
  /** Of an `Answering`. */
  readonly answering: Int32Array<SharedArrayBuffer>;
}

/** How a worker gets vectors: the bundled model, or not at all (the main thread then makes the `missing` ones). */
export interface WorkerEmbedder {
  readonly bundledDim: number | null;
}

export interface FileJob {
  readonly path: string;
  readonly id: string;
  readonly relative: string;
  readonly meta: Meta;
  readonly prior?: Prior;
}

/** With the size and time that the walk saw. */
export interface SeenFile extends FileJob {
  readonly bytes: number;
  readonly modifiedAt: number;
}

export interface SourceItem {
  readonly item: Item;
  readonly prior?: Prior;
}

/** One item of a prepared segment: what the id entry and the commit need. */
export interface SegmentItemHead {
  readonly id: string;
  readonly rows: number;
  readonly hash: string;
  readonly bytes: number;
  readonly modifiedAt: number;
  readonly sourceBytes: number;
  readonly version: number;
  readonly createdAt: number;
}

export interface PreparedSegment {
  readonly heads: readonly SegmentItemHead[];
  /** Files read and found as they were: id, and the source's new time and size. */
  readonly unchanged: readonly {
    readonly id: string;
    readonly modifiedAt: number;
    readonly sourceBytes: number;
  }[];
  readonly skipped: readonly Skipped[];
  readonly rows: number;
  readonly parts: PagedParts;
  /** When the worker has no embedder: for each item its own vector, or the texts to embed. */
  readonly missing?: readonly (Float32Array | readonly string[])[];
  readonly sourceBytes: number;
}

/** A document's bytes under its name. */
export interface DocumentJob {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly id: string;
  readonly meta: Meta;
  /** Whether what is no text becomes an item of bytes. */
  readonly binary: boolean;
  readonly prior?: Prior;
}

/** A document that was read: a small one as an item, a larger one as a segment of one item. */
export type ReadDocument = { readonly item: Item } | { readonly prepared: PreparedSegment };

/** A passage to be filed in the cube, and what is known of its item. */
export interface TextToFile {
  readonly text: string;
  readonly about: About;
}

export type Task =
  | { readonly kind: "warm"; readonly space: SpaceEntry; readonly embedder: WorkerEmbedder }
  | {
      readonly kind: "files";
      readonly files: readonly SeenFile[];
      /** Whether what is no text becomes items of bytes. */
      readonly binary: boolean;
      readonly now: number;
      readonly space: SpaceEntry;
      readonly embedder: WorkerEmbedder;
    }
  | {
      readonly kind: "items";
      readonly items: readonly SourceItem[];
      readonly now: number;
      readonly space: SpaceEntry;
      readonly embedder: WorkerEmbedder;
    }
  | {
      readonly kind: "document";
      readonly document: DocumentJob;
      /** Text, in UTF-16 units, from which a document is no longer small. */
      readonly segmentText: number;
      readonly now: number;
      readonly space: SpaceEntry;
      readonly embedder: WorkerEmbedder;
    }
  | { readonly kind: "build"; readonly items: readonly BuildItem[]; readonly space: SpaceEntry }
  | {
      readonly kind: "merge";
      readonly inputs: readonly MergeInput[];
      readonly live: Uint8Array;
      readonly spaces: readonly SpaceEntry[];
      readonly cube?: CubeEntry;
    }
  | {
      readonly kind: "file";
      readonly texts: readonly TextToFile[];
      /** Those that the standard rules fill, and all in the order of the parts. */
      readonly dimensions: readonly StandardDimension[];
      readonly order: readonly string[];
      readonly prefix: string;
    }
  | {
      readonly kind: "index";
      readonly index: BuiltIndex;
      /** Where the plan chose the index: see BuildIndexOptions. */
      readonly mostEffort?: number;
      /** Fine codes of all rows of a segment. */
      readonly fine: Uint8Array;
      readonly space: SpaceEntry;
    }
  | {
      readonly kind: "substrings";
      /** Rows of the segment. */
      readonly count: number;
      /** Its texts, as it holds them. */
      readonly parts: Parts;
    }
  | {
      readonly kind: "vectors";
      readonly passages: readonly string[];
      readonly space: SpaceEntry;
      readonly embedder: WorkerEmbedder;
    };

/** How a long task is stopped and says how far it is. */
export interface TaskControl {
  readonly signal?: AbortSignal;
  readonly onRows?: (rows: number) => void;
}

/** Sent to a worker while it performs a task: stop. */
export const STOP = { stop: true } as const;

export type TaskResult<T extends Task> = T["kind"] extends "files" | "items"
  ? PreparedSegment
  : T["kind"] extends "document"
    ? ReadDocument
    : T["kind"] extends "vectors"
      ? Parts
      : PagedParts;
