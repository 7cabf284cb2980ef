/** POST /v1/facets and POST /v1/tags: what the library's cube files items under, and tags for a text. */
import { z } from "zod";
import { type Route, route } from "../route.ts";
import { facet, facetChoice, tagSuggestion, where } from "../schemas.ts";
import type { Service } from "../service.ts";

const facetsBody = z.strictObject({
  query: z.string().max(20_000).exactOptional().describe("Count over what a search for this finds"),
  k: z.int().min(1).max(1000).exactOptional().describe("Passages of the search that count; default 200"),
  filter: where.exactOptional(),
  facets: facetChoice.exactOptional(),
  dimensions: z
    .array(z.string())
    .max(100)
    .exactOptional()
    .describe("Default: all but single words and aliases"),
  limit: z.int().min(1).max(1000).exactOptional().describe("Values of a dimension; default 10"),
});

const tagsBody = z.strictObject({
  text: z.string().min(1).max(100_000),
  field: z.string().min(1).exactOptional().describe("Metadata field that holds tags; default tags"),
  k: z.int().min(1).max(50).exactOptional().describe("Tags; default 5"),
  neighbours: z
    .int()
    .min(1)
    .max(1000)
    .exactOptional()
    .describe("Items like the text that are asked; default 50"),
  filter: where.exactOptional(),
  exclude: z.array(z.string()).max(1000).exactOptional().describe("Ids that do not count: the item itself"),
});

export function facetRoutes({ memory }: Service): Route[] {
  return [
    route(
      {
        method: "post",
        path: "/v1/facets",
        tag: "Recall",
        name: "cubeFacets",
        summary: "Labels of the cube with counts of items, by dimension; none in a library without a cube",
        body: facetsBody,
        response: z.object({ facets: z.array(facet) }),
      },
      async ({ body, signal }) => ({ facets: [...(await memory.facets({ ...body, signal }))] }),
    ),
    route(
      {
        method: "post",
        path: "/v1/tags",
        tag: "Recall",
        name: "suggestTags",
        summary: "Tags for a text, from those of items like it",
        body: tagsBody,
        response: z.object({ tags: z.array(tagSuggestion) }),
      },
      async ({ body: { text, ...options }, signal }) => ({
        tags: [...(await memory.suggestTags(text, { ...options, signal }))],
      }),
    ),
  ];
}
