import { parseWhere } from "../../index/filter/parse-where.ts";
import type { Hit, SearchQuery } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { parseFacets } from "../facet-choice.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { numberOf, wholeNumber, withLibrary } from "../library.ts";
import { accent, bold, dim, highlight, note, plural, print, printJson } from "../output.ts";

export default command({
  name: "search",
  summary: "Find passages by words and meaning",
  takesMany: true,
  args: {
    ...libraryArgs,
    query: {
      type: "positional",
      description: 'Words, "a phrase", prefix*, typo~, +must, -not',
      required: true,
    },
    k: { type: "string", alias: "k", valueHint: "n", description: "How many hits", default: "10" },
    where: {
      type: "string",
      alias: "w",
      valueHint: "filter",
      description: "e.g. 'year >= 2020 AND lang = en'",
    },
    facets: {
      type: "string",
      alias: "f",
      valueHint: "choice",
      description: "Only what the cube files so, e.g. 'location = Florida | Texas; date = 2017'",
    },
    cube: { type: "boolean", default: true, description: "Ask the cube too, where there is one (--no-cube)" },
    retriever: {
      type: "enum",
      options: ["hybrid", "words", "meaning", "generative"],
      default: "hybrid",
      description: "What ranks",
    },
    generative: {
      type: "boolean",
      default: false,
      description: "Let n-grams that the language model writes rank too; slow",
    },
    ...modelArgs,
    feedback: {
      type: "boolean",
      default: true,
      description: "Let the best passages sharpen the question (--no-feedback: a fifth faster)",
      negativeDescription: "Rank by the question as it is",
    },
    interpolate: {
      type: "enum",
      options: ["none", "before", "after", "both"],
      default: "both",
      description: "Where words and meaning are combined around feedback",
    },
    group: {
      type: "enum",
      options: ["item", "passage"],
      default: "item",
      description: "One hit an item, or every passage",
    },
    "min-score": {
      type: "string",
      valueHint: "x",
      description: "Drop hits that score less; a hybrid search scores from 0 to 1",
    },
    recall: {
      type: "string",
      valueHint: "share",
      description: "Wanted share of the best passages by meaning, 0.5 to 1; 1 scores every vector",
    },
    cursor: { type: "string", valueHint: "text", description: "Go on after an earlier result's `next`" },
  },
  examples: [
    ['mneme search "posting lists"', "hybrid: words and meaning"],
    ['mneme search "error code" --where "extension = md" -k 3 --json', "filtered, as JSON"],
  ],
  async run(args, { signal }) {
    const minScore = numberOf(args["min-score"], "min-score");
    const recall = numberOf(args.recall, "recall");
    const query: SearchQuery = {
      k: wholeNumber(args.k, "k") ?? 10,
      retriever: args.retriever as "hybrid",
      feedback: args.feedback,
      generative: args.generative,
      interpolate: args.interpolate as "both",
      group: args.group as "item",
      signal,
      cube: args.cube,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
      ...(args.facets ? { facets: parseFacets(args.facets) } : {}),
      ...(minScore === undefined ? {} : { minScore }),
      ...(recall === undefined ? {} : { recall }),
      ...(args.cursor ? { cursor: args.cursor } : {}),
    };
    const asksModel = args.generative || args.retriever === "generative";
    await using model = asksModel ? await openLanguageModel(args, signal) : undefined;
    return withLibrary(
      args,
      "read",
      async (memory) => {
        const result = await memory.search(args._.join(" "), query);
        if (args.json)
          printJson({
            hits: result.hits,
            next: result.next ?? null,
            ms: result.ms,
            recall: result.recall ?? null,
            notes: result.notes,
          });
        else {
          result.hits.forEach(show);
          const expected =
            args.recall && result.recall !== undefined ? `, recall ${result.recall.toFixed(3)}` : "";
          for (const line of result.notes) note(`note: ${line}`, args.quiet);
          note(
            dim(
              `${plural(result.hits.length, "hit")} in ${result.ms.toFixed(1)} ms${expected}${result.next ? `; more: --cursor ${result.next}` : ""}`,
            ),
            args.quiet,
          );
        }
        return result.hits.length > 0 ? EXIT.ok : EXIT.nothing;
      },
      model ? { model } : {},
    );
  },
});

function show(hit: Hit, index: number): void {
  const headings = hit.place.headings.length > 0 ? ` > ${hit.place.headings.join(" > ")}` : "";
  print(`${accent(`${index + 1}.`)} ${bold(hit.title || hit.id)}${dim(headings)}`);
  print(`   ${highlight(hit.snippet, hit.highlights).replace(/\s+/g, " ")}`);
  const reasons = hit.reasons.map(({ by, rank }) => `${by} #${rank}`).join(", ");
  const labels = hit.reasons.flatMap(({ labels = [] }) =>
    // single words stand in the snippet
    labels.filter(({ dimension }) => dimension !== "word").map((one) => `${one.dimension} ${one.label}`),
  );
  print(dim(`   ${hit.id}:${hit.place.line}  ${hit.score.toFixed(3)}  ${reasons}`));
  if (labels.length > 0) print(dim(`   filed under ${[...new Set(labels)].join(", ")}`));
}
