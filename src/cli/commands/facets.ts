import { parseWhere } from "../../index/filter/parse-where.ts";
import type { FacetQuery } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { parseFacets } from "../facet-choice.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { bold, dim, note, print, printJson } from "../output.ts";

export default command({
  name: "facets",
  summary: "What items are filed under, with counts: of all, or of what a query finds",
  takesMany: true,
  args: {
    ...libraryArgs,
    query: { type: "positional", description: "Count over what a search for this finds", required: false },
    dimensions: {
      type: "string",
      alias: "d",
      valueHint: "dimensions",
      description: "Only these, comma-separated",
    },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "n",
      description: "Values of a dimension",
      default: "10",
    },
    k: {
      type: "string",
      alias: "k",
      valueHint: "n",
      description: "Passages of the search that count",
      default: "200",
    },
    facets: {
      type: "string",
      alias: "f",
      valueHint: "choice",
      description: "Only what is filed so, e.g. 'location = Florida | Texas; date = 2017'",
    },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
  },
  examples: [
    ["mneme facets", "what the library is about"],
    ['mneme facets "storm damage" -d location,date -n 5', "places and dates of what a search finds"],
  ],
  async run(args, { signal }) {
    const query: FacetQuery = {
      query: args._.join(" "),
      k: wholeNumber(args.k, "k") ?? 200,
      limit: wholeNumber(args.limit, "limit") ?? 10,
      signal,
      ...(args.dimensions ? { dimensions: args.dimensions.split(",").map((name) => name.trim()) } : {}),
      ...(args.facets ? { facets: parseFacets(args.facets) } : {}),
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    return withLibrary(args, "read", async (memory) => {
      const facets = await memory.facets(query);
      const filled = facets.filter(({ values }) => values.length > 0);
      if (args.json) printJson({ facets });
      else
        for (const { dimension, values } of filled)
          print(
            `${bold(dimension)}: ${values.map(({ value, count }) => `${value} ${dim(`${count}`)}`).join(", ")}`,
          );
      if (facets.length === 0)
        note("the library has no cube; file it by `mneme index FOLDER --cube all`", args.quiet);
      return filled.length > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});
