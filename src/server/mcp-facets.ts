/** Tools of the MCP server over the cube and the tags of a library. */
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { Memory } from "../memory/types.ts";
import { answer } from "./mcp-answer.ts";
import { facetChoice, where } from "./schemas.ts";

export function registerFacets(server: McpServer, memory: Memory): void {
  server.registerTool(
    "facets",
    {
      title: "What the library is about",
      description:
        "Persons, places, dates, themes ... that items are filed under, with counts: of all items or of what a query finds. search takes them as facets.",
      inputSchema: {
        query: z.string().optional().describe("Count over what a search for this finds"),
        dimensions: z.array(z.string()).optional(),
        facets: facetChoice.optional(),
        limit: z.number().int().min(1).max(100).optional().describe("Values of a dimension; default 10"),
      },
      annotations: { readOnlyHint: true },
    },
    ({ query, dimensions, facets, limit }, { signal }) =>
      answer(async () => {
        const found = await memory.facets({
          ...(query ? { query } : {}),
          ...(dimensions ? { dimensions } : {}),
          ...(facets ? { facets } : {}),
          ...(limit ? { limit } : {}),
          signal,
        });
        const lines = found
          .filter(({ values }) => values.length > 0)
          .map(({ dimension, values }) => {
            return `${dimension}: ${values.map(({ value, count }) => `${value} (${count})`).join(", ")}`;
          });
        const nothing = found.length === 0 ? "The library has no cube." : "Nothing is filed there.";
        return { text: lines.join("\n") || nothing, data: { facets: found } };
      }),
  );
  server.registerTool(
    "suggest_tags",
    {
      title: "Suggest tags",
      description: "Tags for a text: mainstream ones among those of items like it, best first.",
      inputSchema: {
        text: z.string().min(1),
        field: z.string().min(1).optional().describe("Metadata field that holds tags; default tags"),
        k: z.number().int().min(1).max(50).optional().describe("Default 5"),
        filter: where.optional(),
      },
      annotations: { readOnlyHint: true },
    },
    ({ text, field, k, filter }, { signal }) =>
      answer(async () => {
        const tags = await memory.suggestTags(text, {
          ...(field ? { field } : {}),
          ...(k ? { k } : {}),
          ...(filter ? { filter } : {}),
          signal,
        });
        const lines = tags.map(({ tag, count }) => `${tag} (${count} ${count === 1 ? "item" : "items"})`);
        return { text: lines.join("\n") || "No item like it has tags.", data: { tags } };
      }),
  );
}
