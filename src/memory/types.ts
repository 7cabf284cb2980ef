/** The faces of Memory: what goes in, what comes out. One vocabulary for the library, CLI, HTTP, MCP and console. */
import type { Embedder, EmbedderOrigin, Space } from "../embed/embedder.ts";
import type { Meta, Where } from "../index/filter/where.ts";
import type { SparseVector } from "../index/sparse/weights.ts";
import type { VectorIndex } from "../index/vector/kinds.ts";
import type { VectorWish } from "../index/vector/plan.ts";
import type { ChatMessage, LanguageModel } from "../model/index.ts";
import type { CubeOption, CubeReason, Facet, FacetChoice, FacetQuery } from "./cube/types.ts";
import type { Block } from "./ingest/parsed.ts";
import type { MemoryInfo, StatsRow } from "./memory-info.ts";
import type { Provenance } from "./provenance.ts";
import type {
  CountOptions,
  FindOptions,
  LocateOptions,
  LocateResult,
  Occurrence,
  Overlap,
  OverlapOptions,
  Quotation,
  StretchFound,
  TagLearning,
  TagLearningOptions,
  TagOptions,
  TagSelector,
  TagSuggestion,
} from "./quote-and-tag.ts";
import type { TunedRecall } from "./recall-plan.ts";
import type { Hit, Place, Reason, SearchQuery, SearchResult } from "./search-types.ts";
import type { JudgedQuery, LearningGain, TuneOptions, TunePart, TuneResult } from "./tuning.ts";
import type { VectorEstimate, VectorExplanation } from "./vector-explanation.ts";

export type {
  ChatMessage,
  CountOptions,
  CubeOption,
  CubeReason,
  Facet,
  FacetChoice,
  FacetQuery,
  FindOptions,
  Hit,
  JudgedQuery,
  LanguageModel,
  LearningGain,
  LocateOptions,
  LocateResult,
  MemoryInfo,
  Occurrence,
  Overlap,
  OverlapOptions,
  Place,
  Provenance,
  Quotation,
  Reason,
  SearchQuery,
  SearchResult,
  SparseVector,
  StatsRow,
  StretchFound,
  TagLearning,
  TagLearningOptions,
  TagOptions,
  TagSelector,
  TagSuggestion,
  TunedRecall,
  TuneOptions,
  TunePart,
  TuneResult,
  VectorEstimate,
  VectorExplanation,
  VectorIndex,
  VectorWish,
};

export type CubeKind = "text" | "activation" | "parameter";

/** What `add` takes. Adding an id again replaces the item (upsert); equal content is free. */
export interface Item {
  readonly id: string;
  readonly text: string;
  /** Bytes of an item that is no text, which is then empty: one passage, searched by its title, counted and located byte by byte. */
  readonly data?: Uint8Array;
  readonly title?: string;
  readonly meta?: Meta;
  readonly provenance?: Provenance;
  readonly owner?: string;
  readonly visibility?: "private" | "public";
  /** Milliseconds since 1970, a Date, or an ISO string; expired items are no longer found and are swept. */
  readonly expiresAt?: number | Date | string;
  /** Headings and pages that a reader found in the text; without them Markdown headings are looked for. */
  readonly blocks?: readonly Block[];
  /** Line of the source at which `text` begins, for the lines of passages; default 1. */
  readonly firstLine?: number;
  /** Own vector of the whole item instead of the embedder's, one passage. Refused when its dimension is not the space's. */
  readonly vector?: Float32Array;
  /** Learnt sparse vector of the whole item, one passage: weights that a model gave to its tokens. Searched by queries that bring one. */
  readonly sparse?: SparseVector;
}

/** Header of a stored item. */
export interface ItemHead {
  readonly id: string;
  readonly kind: CubeKind;
  readonly title: string;
  readonly meta: Meta;
  readonly provenance: Provenance;
  readonly owner: string;
  readonly visibility: "private" | "public";
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt?: number;
  /** sha-256 of the content, hex. */
  readonly contentHash: string;
  readonly passages: number;
  /** UTF-8 bytes of the text, or bytes of what is no text. */
  readonly bytes: number;
  /** Set where the content is bytes and no text. */
  readonly binary?: boolean;
}

export interface StoredItem extends ItemHead {
  readonly text: string;
  /** Of an item that is no text, owned. */
  readonly data?: Uint8Array;
}

export interface Progress {
  readonly phase: "scan" | "read" | "write" | "optimize" | "embed" | "compact";
  readonly done: number;
  /** 0 while unknown. */
  readonly total: number;
  /** Bytes of source handled so far and in all. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Name of what is being handled. */
  readonly current?: string;
}

export interface WorkOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface AddFileOptions extends WorkOptions {
  /** Default: the name. */
  readonly id?: string;
  readonly meta?: Meta;
  /** The bytes change hands: no copy is made, and the array is empty afterwards. Default false. */
  readonly give?: boolean;
  /** What is no text becomes an item of bytes; default: where the library has an index of substrings. Else it is refused. */
  readonly binary?: boolean;
}

export interface Skipped {
  readonly id: string;
  /** An ErrorCode, or "EMPTY", "TOO_LARGE", "BINARY", "EXCLUDED". */
  readonly code: string;
  readonly reason: string;
}

export interface AddResult {
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: readonly Skipped[];
  readonly passages: number;
  readonly bytes: number;
}

export interface IndexOptions extends WorkOptions {
  /** Globs relative to the folder; default: every file a reader knows or, without an extension, whose bytes are text; with `binary` every file. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Files larger than this are skipped with a reason; default 256 MB. */
  readonly maxFileBytes?: number;
  /** Metadata given to each item beside path, extension, folder. */
  readonly meta?: Meta;
  /** Forget items of this folder whose file is gone; default true. */
  readonly prune?: boolean;
  /** What is no text becomes items of bytes; default: where the library has an index of substrings. Else it is skipped, code BINARY. */
  readonly binary?: boolean;
}

export interface IndexResult extends AddResult {
  readonly removed: number;
  readonly files: number;
  /** Files passed over because no reader knows their kind, by extension, "" for none; none where `include` says what is wanted. */
  readonly unknown: Readonly<Record<string, number>>;
  readonly ms: number;
}

export interface Citation {
  /** From 1, as in the answer's [1]. */
  readonly number: number;
  readonly id: string;
  readonly passage: number;
  readonly title: string;
  readonly quote: string;
  readonly place: Place;
  readonly provenance: Provenance;
}

export type AnswerPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "citation"; readonly text: string; readonly citation: Citation }
  | {
      readonly type: "done";
      readonly text: "";
      readonly answered: boolean;
      /** Who wrote the answer: a language model, or the library's own sentences. Absent where there is none. */
      readonly by?: "model" | "extraction";
      /** Why there is no answer. */
      readonly reason?: string;
      /** Of a conversation: what was looked for, where the question leans on those before it. */
      readonly asked?: string;
      /** What was left out or put right, and why; empty without a model. */
      readonly notes: readonly string[];
      readonly ms: number;
    };

export interface AskOptions {
  /** Passages to read; default 8. */
  readonly k?: number;
  /** Sentences that are extracted; default 4. A model's answer is as long as it makes it. */
  readonly sentences?: number;
  /** Writes the answer from the passages; false: extract, whatever the library was opened with. Default: the library's. Borrowed. */
  readonly model?: LanguageModel | false;
  readonly filter?: Where;
  readonly signal?: AbortSignal;
}

export interface ForgetSelector {
  readonly ids?: readonly string[];
  readonly where?: Where;
  /** Last updated before: milliseconds since 1970, Date, or a span such as "30d". */
  readonly olderThan?: number | Date | string;
  /** Everything; must be said. */
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

export interface ForgetResult {
  readonly items: number;
  readonly passages: number;
  /** Bytes of text and index that compaction will return (dry run: would). */
  readonly bytesFreed: number;
  readonly ids: readonly string[];
  /** Pass to `undo` within the window. Absent on a dry run or when nothing matched. */
  readonly undo?: string;
  readonly undoUntil?: number;
}

export interface ListOptions {
  readonly where?: Where;
  readonly limit?: number;
  readonly prefix?: string;
  /** Id of the last item of the page before; items strictly after it are listed. */
  readonly after?: string;
}

/** Where a library may be: a folder, a snapshot file, ":memory:", an http(s) URL of a snapshot, its bytes, or a Blob. */
export type Location = string | URL | Uint8Array | Blob;

/** What a library keeps of the embedder that made its vectors. */
export interface StoredSpace {
  readonly space: Space;
  /** Absent where the embedder did not tell how it is made. */
  readonly origin?: EmbedderOrigin;
}

export interface OpenOptions {
  /** Bytes, or "256MB" (the default). */
  readonly budget?: number | string;
  readonly mode?: "write" | "read";
  /** When another process writes: wait for it or refuse with LOCKED (default). */
  readonly lock?: "wait" | "refuse";
  readonly lockTimeoutMs?: number;
  /** Default: the bundled static model. */
  readonly embedder?: Embedder;
  /** Makes the embedder of a library whose vectors are of another model than the bundled one; default: it is refused. */
  readonly embedderOf?: (stored: StoredSpace) => Embedder;
  /** Writes the answers of `ask`; default: none, sentences are extracted. Borrowed: whoever loaded it closes it. */
  readonly model?: LanguageModel;
  /** How vectors of large segments are searched; the planner's choice by default. A change takes effect as far as the parts are there, and by `compact`. */
  readonly vectors?: { readonly index?: VectorWish };
  /**
   * Keep an index of every substring beside the texts, about 0.4 of their bytes, made behind the writes: `count` and `locate` then take
   * milliseconds whatever the size, and `find` reads only what may match. Remembered by the library; default: as it was told before.
   * A library told false drops the index by `compact`.
   */
  readonly substrings?: boolean;
  /**
   * Files passages under labels in several dimensions, behind the writes: true for the standard ones, or those named and filled by own extractors.
   * Kept by the library: left out, it goes on as it did. False: not in this opening. Default: no cube in a new library.
   */
  readonly cube?: CubeOption;
  /** Worker threads for indexing; default: cores, at most 4; 0: none. Searches of large libraries use at most 3 more, one a further core. */
  readonly workers?: number;
  /** How long `undo` works: milliseconds or "7d" (default). */
  readonly undoWindow?: number | string;
  readonly onWarning?: (message: string) => void;
}

export interface Memory extends AsyncDisposable {
  /**
   * Durable when it resolves, searchable at once, all or nothing per call of up to a few thousand items. Of one id the last item wins.
   * @throws MnemeError BUDGET (it would not fit into RAM), DISK_FULL: nothing of those items is kept
   */
  add(items: Item | Iterable<Item> | AsyncIterable<Item>, options?: WorkOptions): Promise<AddResult>;
  /**
   * Reads a document (PDF, DOCX, EPUB, HTML, Markdown, text ...) from its bytes and adds it, without holding up this thread.
   * @param name tells the kind of document by its ending
   */
  addFile(name: string, bytes: Uint8Array, options?: AddFileOptions): Promise<AddResult>;
  /** Brings a folder (or one file) into the library: only what changed; deleted files disappear. */
  index(path: string, options?: IndexOptions): Promise<IndexResult>;
  search(query: string, options?: SearchQuery): Promise<SearchResult>;
  ask(question: string, options?: AskOptions): AsyncIterable<AnswerPart>;
  /**
   * Answers the last question of a conversation as `ask` does. Where it leans on earlier ones, by a pronoun or by leaving out what it is
   * about, it is looked for together with them; a model also hears what was said. @throws MnemeError ARGUMENT where no user asks
   */
  chat(messages: readonly ChatMessage[], options?: AskOptions): AsyncIterable<AnswerPart>;
  /**
   * Tags for a text: mainstream ones among those of items like it, best first. None where no neighbour has tags.
   * @throws MnemeError ARGUMENT (empty text), RANGE, CANCELLED
   */
  suggestTags(text: string, options?: TagOptions): Promise<readonly TagSuggestion[]>;
  /**
   * Learns from the library's own items how their tags are told from those of items like them, and keeps it for `suggestTags` if it holds on
   * items that it was not learnt from.
   * @throws MnemeError RANGE, INSUFFICIENT_DATA (fewer than 50 items with tags), CANCELLED, READ_ONLY
   */
  learnTags(options?: TagLearningOptions): Promise<TagLearning>;
  get(id: string): Promise<StoredItem | undefined>;
  list(options?: ListOptions): AsyncIterable<ItemHead>;
  /**
   * Every place that reads as `quote` does but for some characters, in the order of ids and places; one white space is as good as another.
   * Items of bytes do not read: `locate` finds what is in them.
   * Reads all texts, or with an index of substrings those that may hold it. @throws MnemeError ARGUMENT, RANGE, CANCELLED
   */
  find(quote: string, options?: FindOptions): AsyncIterable<Quotation>;
  /**
   * How often a text, or any bytes, occurs in the texts of the library: letter by letter, overlapping ones too, none across two items.
   * Texts that no index of substrings covers yet are read through. @throws MnemeError ARGUMENT (empty), RANGE (over 64 KiB), CANCELLED
   */
  count(text: string | Uint8Array, options?: CountOptions): Promise<number>;
  /** Where it occurs, a page at a time. @throws as `count` does */
  locate(text: string | Uint8Array, options?: LocateOptions): Promise<LocateResult>;
  /** How much of each text stands in the library, letter by letter, and where. @throws MnemeError RANGE, CANCELLED */
  overlaps(texts: readonly string[], options?: OverlapOptions): Promise<readonly Overlap[]>;
  forget(selector: ForgetSelector): Promise<ForgetResult>;
  undo(token: string): Promise<{ readonly items: number }>;
  /** Rows for console.table: every structure with the bytes it really uses. */
  stats(): readonly StatsRow[];
  info(): MemoryInfo;
  /** What makes the vectors of the space that answers; another one after a reembed. Borrowed. */
  readonly embedder: Embedder;
  /** Which index searches the vectors of each space, why, what it holds, and what the others would take. */
  explain(): readonly VectorExplanation[];
  /** Values of a metadata field with counts, most frequent first. */
  facets(
    field: string,
    options?: { readonly where?: Where; readonly limit?: number },
  ): Promise<readonly { readonly value: string; readonly count: number }[]>;
  /** Labels of the cube with counts of items, by dimension: over the library, or over what a search finds. Empty without a cube. @throws MnemeError ARGUMENT, RANGE, CANCELLED */
  facets(query?: FacetQuery): Promise<readonly Facet[]>;
  snapshot(path: string, options?: WorkOptions): Promise<{ readonly path: string; readonly bytes: number }>;
  compact(options?: WorkOptions): Promise<{ readonly bytesBefore: number; readonly bytesAfter: number }>;
  /**
   * Chooses the weights of hybrid searches by queries of which it is known what is good, and what labels of each dimension of the cube are
   * worth, and keeps them with the library where that holds on queries that were held out. An empty log brings the defaults back. @throws MnemeError ARGUMENT, INSUFFICIENT_DATA, CANCELLED
   */
  tune(log: readonly JudgedQuery[], options?: TuneOptions): Promise<TuneResult>;
  /** Moves the library to another embedder; resumable; the old space serves meanwhile. */
  reembed(embedder: Embedder, options?: WorkOptions): Promise<{ readonly passages: number }>;
  /** Resolves when background work (flushes, merges, sweeps) is done. */
  idle(): Promise<void>;
  close(): Promise<void>;
}
