/** POST /v1/count and /v1/locate: how often a text occurs, letter by letter, and where. */
import { z } from "zod";
import { type Route, route } from "../route.ts";
import { where } from "../schemas.ts";
import type { Service } from "../service.ts";

const countBody = z.strictObject({
  text: z.string().min(1).max(65_536).describe("At most 65,536 bytes of UTF-8"),
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
  start: z.int().describe("UTF-16 offset in the item's text"),
  end: z.int(),
  startByte: z.int().describe("UTF-8 offset in the item's text"),
  endByte: z.int(),
  line: z.int(),
  text: z.string(),
  snippet: z.string(),
  highlight: z.tuple([z.int(), z.int()]).describe("UTF-16 range in the snippet"),
});

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
      async ({ body: { text, ...rest }, signal }) => {
        const started = performance.now();
        const count = await memory.count(text, { ...rest, signal });
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
      async ({ body: { text, ...rest }, signal }) => {
        const started = performance.now();
        const { occurrences, next } = await memory.locate(text, { ...rest, signal });
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
