/** POST /v1/find. */
import { z } from "zod";
import type { Quotation } from "../../memory/types.ts";
import { type Route, route } from "../route.ts";
import { where } from "../schemas.ts";
import type { Service } from "../service.ts";

const findBody = z.strictObject({
  quote: z.string().min(1).max(20_000),
  mismatches: z.int().min(0).exactOptional().describe("Characters that may differ; default 0"),
  ignoreCase: z.boolean().exactOptional().describe("Default true"),
  filter: where.exactOptional(),
  limit: z.int().min(1).max(1000).exactOptional().describe("Default 100"),
});

const quotation = z.object({
  id: z.string(),
  title: z.string(),
  start: z.int().describe("UTF-16 offset in the item's text"),
  end: z.int(),
  line: z.int(),
  mismatches: z.int(),
  text: z.string(),
  snippet: z.string(),
  highlight: z.tuple([z.int(), z.int()]).describe("UTF-16 range in the snippet"),
});

/** Places given where nobody says how many. */
const LIMIT = 100;

export function findRoutes({ memory }: Service): Route[] {
  return [
    route(
      {
        method: "post",
        path: "/v1/find",
        tag: "Recall",
        name: "find",
        summary: "Find a quotation, letter by letter, with some that may differ",
        body: findBody,
        response: z.object({ places: z.array(quotation), ms: z.number() }),
      },
      async ({ body: { quote, ...rest }, signal }) => {
        const started = performance.now();
        const places: Quotation[] = [];
        for await (const place of memory.find(quote, { limit: LIMIT, ...rest, signal })) places.push(place);
        return {
          places: places.map((place) => ({ ...place, highlight: [...place.highlight] as [number, number] })),
          ms: performance.now() - started,
        };
      },
    ),
  ];
}
