/**
 * The shapes that cross the wire, as zod schemas: requests are checked by them and the OpenAPI document is printed from them.
 * Not the vocabulary itself: that is src/memory/types.ts, and each schema is typed by its interface there.
 */
import { z } from "zod";
import type { Condition, Meta, Scalar, Where } from "../index/filter/where.ts";
import type {
  Citation,
  Facet,
  FacetChoice,
  Hit,
  ItemHead,
  Place,
  Provenance,
  SparseVector,
  StatsRow,
  StoredItem,
  TagSuggestion,
} from "../memory/types.ts";

export const scalar: z.ZodType<Scalar> = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const meta: z.ZodType<Meta> = z
  .record(z.string(), z.union([scalar, z.array(scalar)]))
  .meta({ id: "Meta", description: "Metadata of an item: scalars or lists of scalars by field name." });

const bound = z.union([z.number(), z.string()]).exactOptional();

const condition: z.ZodType<Condition> = z
  .strictObject({
    eq: scalar.exactOptional(),
    ne: scalar.exactOptional(),
    in: z.array(scalar).exactOptional(),
    nin: z.array(scalar).exactOptional(),
    gt: bound,
    gte: bound,
    lt: bound,
    lte: bound,
    exists: z.boolean().exactOptional(),
    startsWith: z.string().exactOptional(),
  })
  .meta({ id: "Condition", description: "All of its comparisons must hold; a bare scalar means eq." });

/** A whole filter. Fields named and, or, not or fields are written inside `fields`. */
export const where: z.ZodType<Where> = z
  .object({
    get and() {
      return z.array(where).exactOptional();
    },
    get or() {
      return z.array(where).exactOptional();
    },
    get not() {
      return where.exactOptional();
    },
    fields: z.record(z.string(), z.union([condition, scalar])).exactOptional(),
  })
  .catchall(z.union([condition, scalar]))
  .meta({
    id: "Where",
    description: 'Filter over metadata, e.g. {"year": {"gte": 2020}, "lang": "en"}.',
  }) as z.ZodType<Where>;

export const facetChoice: z.ZodType<FacetChoice> = z
  .record(z.string(), z.union([z.string(), z.array(z.string())]))
  .meta({
    id: "FacetChoice",
    description: 'Labels of the cube by dimension, e.g. {"location": ["Florida", "Texas"], "date": "2017"}.',
  });

export const facet: z.ZodType<Facet> = z
  .object({
    dimension: z.string(),
    values: z.array(z.object({ value: z.string(), count: z.int().describe("Items filed under it") })),
  })
  .meta({ id: "Facet" });

export const tagSuggestion: z.ZodType<TagSuggestion> = z
  .object({
    tag: z.string(),
    score: z.number(),
    count: z.int().describe("Items of the library that have it; 0: it is new"),
    items: z.array(z.string()).describe("Items like the text that have it"),
    by: z.enum(["neighbours", "model"]),
  })
  .meta({ id: "TagSuggestion" });

export const provenance: z.ZodType<Provenance> = z
  .object({
    origin: z.enum(["user", "file", "web", "conversation", "system"]),
    uri: z.string().exactOptional(),
    mediaType: z.string().exactOptional(),
    sourceBytes: z.number().exactOptional(),
    modifiedAt: z.number().exactOptional(),
  })
  .meta({ id: "Provenance" });

export const sparse: z.ZodType<SparseVector> = z
  .record(z.string(), z.number())
  .meta({ id: "SparseVector", description: "Learnt sparse vector: weights above 0 by token." });

const place: z.ZodType<Place> = z
  .object({
    start: z.int().describe("UTF-16 offset of the passage in the item's text"),
    end: z.int(),
    line: z.int().describe("1-based"),
    headings: z.array(z.string()).describe("Headings above the passage, outermost first"),
    page: z.int().exactOptional(),
  })
  .meta({ id: "Place" });

const headShape = {
  id: z.string(),
  kind: z.enum(["text", "activation", "parameter"]),
  title: z.string(),
  meta,
  provenance,
  owner: z.string(),
  visibility: z.enum(["private", "public"]),
  version: z.int(),
  createdAt: z.number().describe("Milliseconds since 1970"),
  updatedAt: z.number(),
  expiresAt: z.number().exactOptional(),
  contentHash: z.string().describe("sha-256 of the content, hex"),
  passages: z.int(),
  bytes: z.int().describe("UTF-8 bytes of the text, or bytes of what is no text"),
  binary: z.boolean().exactOptional().describe("The content is bytes and no text"),
};

export const itemHead: z.ZodType<ItemHead> = z.object(headShape).meta({ id: "ItemHead" });

/** Bytes travel as base64. */
export type SentItem = Omit<StoredItem, "data"> & { readonly data?: string };

export const storedItem: z.ZodType<SentItem> = z
  .object({
    ...headShape,
    text: z.string(),
    data: z.base64().exactOptional().describe("Of an item that is no text, base64"),
  })
  .meta({ id: "Item" });

const reason = z
  .object({
    by: z.enum(["words", "sparse", "meaning", "generative", "facets", "cube"]),
    rank: z.int().describe("Rank within that retriever, from 1"),
    score: z.number(),
    terms: z.array(z.string()).exactOptional(),
    labels: z
      .array(
        z.object({
          component: z.string().describe("Part of the question"),
          dimension: z.string(),
          label: z.string(),
          how: z.enum(["exact", "part", "similar"]),
          cosine: z.number(),
          weight: z.number().describe("What it adds to the score"),
        }),
      )
      .exactOptional()
      .describe("Of the cube: what the passage is filed under"),
  })
  .meta({ id: "Reason", description: "Why a hit was found." });

export const hit: z.ZodType<Hit> = z
  .object({
    id: z.string(),
    passage: z.int(),
    score: z.number(),
    title: z.string(),
    snippet: z.string(),
    highlights: z.array(z.tuple([z.int(), z.int()])).describe("UTF-16 ranges in the snippet to highlight"),
    place,
    meta,
    provenance,
    reasons: z.array(reason),
  })
  .meta({ id: "Hit" });

export const citation: z.ZodType<Citation> = z
  .object({
    number: z.int().describe("From 1, as in the answer's [1]"),
    id: z.string(),
    passage: z.int(),
    title: z.string(),
    quote: z.string(),
    place,
    provenance,
  })
  .meta({ id: "Citation" });

export const statsRow: z.ZodType<StatsRow> = z
  .object({
    structure: z.string(),
    tier: z.enum(["ram", "disk", "remote"]),
    bytes: z.number(),
    share: z.number().exactOptional().describe("Share of the budget, for RAM that it is for"),
  })
  .meta({ id: "StatsRow" });
