/** Types of verbs over the texts of a library: texts counted and located, quotations found, overlaps measured, tags suggested. */
import type { Where } from "../index/filter/where.ts";
import type { LanguageModel } from "../model/index.ts";
import type { WorkOptions } from "./types.ts";

export interface FindOptions {
  /** Characters that may differ; default 0. */
  readonly mismatches?: number;
  /** Default true: A is a. */
  readonly ignoreCase?: boolean;
  readonly filter?: Where;
  /** Places given at most; default all. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** A place that reads as a quotation does. */
export interface Quotation {
  readonly id: string;
  readonly title: string;
  /** UTF-16 offsets in the item's text. */
  readonly start: number;
  readonly end: number;
  /** 1-based. */
  readonly line: number;
  readonly mismatches: number;
  /** What stands there. */
  readonly text: string;
  /** Its line, or what of it is around the place. */
  readonly snippet: string;
  /** UTF-16 range of the place in `snippet`. */
  readonly highlight: readonly [number, number];
}

export interface CountOptions {
  /** Default false: A is not a. */
  readonly ignoreCase?: boolean;
  readonly filter?: Where;
  readonly signal?: AbortSignal;
}

export interface LocateOptions extends CountOptions {
  /** Occurrences at most; default 100. */
  readonly limit?: number;
  /** `next` of an earlier result. */
  readonly cursor?: string;
}

/** Where a text occurs. */
export interface Occurrence {
  readonly id: string;
  readonly title: string;
  /** UTF-16 offsets in the item's text, of whole letters; of an item of bytes, the same as its bytes. */
  readonly start: number;
  readonly end: number;
  /** UTF-8 offsets in the item's text, or places among its bytes. */
  readonly startByte: number;
  readonly endByte: number;
  /** 1-based. */
  readonly line: number;
  /** What stands there. Of an item of bytes a character a byte, as ISO-8859-1. */
  readonly text: string;
  /** Its line, or what of it is around the place. Of an item of bytes, those around it; a dot for each that is not printable ASCII. */
  readonly snippet: string;
  /** UTF-16 range of the place in `snippet`. */
  readonly highlight: readonly [number, number];
}

/** Iterable over its occurrences. */
export interface LocateResult extends Iterable<Occurrence> {
  /** In the order in which items came into the library, then by place. */
  readonly occurrences: readonly Occurrence[];
  /** Cursor for the next ones; absent at the end. */
  readonly next?: string;
}

export interface OverlapOptions extends WorkOptions {
  /** UTF-16 units of a window, 8 to 10,000; default 50. */
  readonly width?: number;
  /** Characters of a window that may be others in the library, 0 to a sixth of the width less one; default 0. With any, all texts are read, substrings indexed or not. */
  readonly mismatches?: number;
}

/** A stretch of a text that stands in the library. */
export interface StretchFound {
  /** UTF-16 offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** Characters of it that are others there, where any may be. */
  readonly mismatches?: number;
  /** The first of its places. */
  readonly at: Occurrence;
}

/** How much of a text stands in the library, letter by letter. */
export interface Overlap {
  /** Stretches of so many characters, one from each word on; none where the text is shorter. */
  readonly windows: number;
  /** Of those, found. */
  readonly found: number;
  /** The longest stretch that begins with a found window, and goes on as long as the two are the same. */
  readonly longest?: StretchFound;
}

export interface TagOptions {
  /** Metadata field that holds tags; default "tags". */
  readonly field?: string;
  /** Tags wanted; default 5. */
  readonly k?: number;
  /** Items like the text that are asked; default 50. */
  readonly neighbours?: number;
  readonly filter?: Where;
  /** Ids that do not count: the item itself. */
  readonly exclude?: readonly string[];
  /** Writes the tags, shown the selected ones. Default: none, the selected ones are given. Borrowed. */
  readonly model?: LanguageModel;
  readonly signal?: AbortSignal;
}

export interface TagLearningOptions extends WorkOptions {
  /** Metadata field that holds tags; default "tags". */
  readonly field?: string;
  /** Items of the library to learn from, from 50; default 1000. */
  readonly items?: number;
  readonly seed?: number;
}

/** A learnt selector of tags, kept with the library. */
export interface TagSelector {
  readonly field: string;
  /** Space of the vectors that it was learnt in; another one goes by the plain weights. */
  readonly space: number;
  /** Items that it was learnt from. */
  readonly items: number;
  /** Of the signals of a candidate. */
  readonly weights: Readonly<Record<string, number>>;
}

export interface TagLearning {
  readonly items: number;
  /** Mean F1 of the first tag and of five, by the plain weights. */
  readonly untuned: number;
  /** The same of items by weights that were learnt without them (five folds). */
  readonly crossValidated: number;
  /** Chance of such a difference if learning did nothing (paired randomisation). */
  readonly p: number;
  /** What suggestions go by from now on; absent: the plain weights, because the learnt ones did not beat them. */
  readonly selector?: TagSelector;
}

export interface TagSuggestion {
  readonly tag: string;
  /** Votes of the neighbours and signals of the whole library; 0 of a tag that no neighbour has. */
  readonly score: number;
  /** Items of the library that have it; 0: it is new. */
  readonly count: number;
  /** Items like the text that have it, the most alike first. */
  readonly items: readonly string[];
  readonly by: "neighbours" | "model";
}
