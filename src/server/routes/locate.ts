/** POST /v1/count and /v1/locate: how often a text occurs, letter by letter, and where. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import { type Route, route } from "../route.ts";
import { where } from "../schemas.ts";
import type { Service } from "../service.ts";

/** Characters of base64 for the longest pattern. */
const MOST_BASE64 = 87_384;

const countBody = z.strictObject({
  text: z.string().min(1).max(65_536).exactOptional().describe("At most 65,536 bytes of UTF-8"),
  bytes: z.base64().min(4).max(MOST_BASE64).exactOptional().describe("Any bytes instead of a text, base64"),
  ignoreCase: z.boolean().exactOptional().describe("Default false"),
  filter: where.exactOptional(),
});

const locateBody = countBody.extend({
  limit: z.int().min(1).max(1000).exactOptional().describe("Default 100"),
  cursor: z.string().exactOptional().describe("next of an earlier answer"),
});

const occurrence = z.object({
  id: z.string(),
  title: z.string(),
  start: z.int().describe("UTF-16 offset in the item's text; of an item of bytes, the byte"),
  end: z.int(),
  startByte: z.int().describe("Byte of the item's UTF-8, or of its bytes"),
  endByte: z.int(),
  line: z.int(),
  text: z.string(),
  snippet: z.string(),
  highlight: z.tuple([z.int(), z.int()]).describe("UTF-16 range in the snippet"),
});

interface Asked {
  readonly text?: string | undefined;
  readonly bytes?: string | undefined;
}

/** @throws MnemeError ARGUMENT unless it is a text or bytes */
function patternOf({ text, bytes }: Asked): string | Uint8Array {
  if ((text === undefined) === (bytes === undefined))
    throw new MnemeError("ARGUMENT", "give a text, or bytes as base64, and not both");
  return text ?? new Uint8Array(Buffer.from(bytes!, "base64"));
}

export function locateRoutes({ memory }: Service): Route[] {
  return [
    route(
      {
        method: "post",
        path: "/v1/count",
        tag: "Recall",
        name: "count",
        summary: "How often a text occurs, letter by letter",
        body: countBody,
        response: z.object({ count: z.int(), ms: z.number() }),
      },
      async ({ body: { text, bytes, ...rest }, signal }) => {
        const started = performance.now();
        const count = await memory.count(patternOf({ text, bytes }), { ...rest, signal });
        return { count, ms: performance.now() - started };
      },
    ),
    route(
      {
        method: "post",
        path: "/v1/locate",
        tag: "Recall",
        name: "locate",
        summary: "Where a text occurs, letter by letter",
        body: locateBody,
        response: z.object({
          occurrences: z.array(occurrence),
          next: z.string().exactOptional().describe("Cursor; absent at the end"),
          ms: z.number(),
        }),
      },
      async ({ body: { text, bytes, ...rest }, signal }) => {
        const started = performance.now();
        const { occurrences, next } = await memory.locate(patternOf({ text, bytes }), { ...rest, signal });
        return {
          occurrences: occurrences.map((one) => ({
            ...one,
            highlight: [...one.highlight] as [number, number],
          })),
          ...(next ? { next } : {}),
          ms: performance.now() - started,
        };
      },
    ),
  ];
}
