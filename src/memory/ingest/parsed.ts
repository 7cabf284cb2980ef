/** What a reader makes of a file: clean text, and marks over it. */
import type { Meta } from "../../index/filter/where.ts";

export const BLOCK_KINDS = ["heading", "code", "page"] as const;

/** A structural mark, in UTF-16 offsets of the text. Headings carry their level (1 is outermost), pages their number. */
export interface Block {
  readonly kind: (typeof BLOCK_KINDS)[number];
  readonly start: number;
  readonly end: number;
  readonly level?: number;
  /** Heading text without markup. */
  readonly text?: string;
  readonly page?: number;
}

export interface Parsed {
  readonly title: string;
  readonly text: string;
  /** Ascending; undefined lets the chunker look for Markdown headings itself. */
  readonly blocks?: readonly Block[];
  readonly meta?: Meta;
  /** Line of the source at which the text begins, when something in front of it was taken away; default 1. */
  readonly firstLine?: number;
}
