import { MnemeError } from "../../errors.ts";
import { readQueries } from "../../eval/index.ts";
import { type LearningGain, TUNE_PARTS, type TunePart, type TuneResult } from "../../memory/tuning.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { note, print, printJson } from "../output.ts";
import { plainQuery } from "../plain-query.ts";
import { progressView } from "../progress.ts";
import { tunedWeights } from "../tuned-weights.ts";

export default command({
  name: "tune",
  summary: "Choose the weights of search by your own queries and judgements",
  args: {
    ...writingArgs,
    queries: { type: "string", valueHint: "file", description: "queries.jsonl[.gz]: {_id, text} a line" },
    qrels: {
      type: "string",
      valueHint: "file",
      description: "qrels.tsv: query id, item id, grade",
    },
    parts: {
      type: "string",
      valueHint: "parts",
      description: "fusion, cube or both (default): what is chosen",
    },
    reset: { type: "boolean", default: false, description: "Back to the defaults" },
  },
  examples: [
    ["mneme tune --queries queries.jsonl --qrels qrels.tsv", "kept with the library if it holds"],
    [
      "mneme tune --queries queries.jsonl --qrels qrels.tsv --parts cube",
      "only what labels of the cube are worth: each query is asked once",
    ],
    ["mneme tune --reset", "search by the defaults again"],
  ],
  async run(args, { signal }) {
    if (!args.reset && !(args.queries && args.qrels))
      throw new MnemeError("ARGUMENT", "tune: --queries and --qrels are needed, or --reset");
    const queries = args.reset ? [] : await readQueries({ queries: args.queries!, qrels: args.qrels! });
    const log = queries.map(({ text, judged }) => ({
      query: plainQuery(text),
      relevant: Object.fromEntries(judged),
    }));
    return withLibrary(args, "write", async (memory) => {
      using view = progressView("tune", args.quiet);
      const parts = args.parts ? partsOf(args.parts) : TUNE_PARTS;
      const result = await memory.tune(log, { signal, onProgress: view.onProgress, parts });
      view[Symbol.dispose]();
      if (args.json) printJson(result);
      else show(result, parts, args.quiet);
      return EXIT.ok;
    });
  },
});

function show(result: TuneResult, parts: readonly TunePart[], quiet: boolean | undefined): void {
  const { queries, tuned, cube, notes } = result;
  const gain = (of: string, { untuned, crossValidated, p }: LearningGain): void =>
    print(
      `nDCG@10 of ${of}: defaults ${untuned.toFixed(4)}, tuned and cross-validated ${crossValidated.toFixed(4)} (p ${p.toFixed(4)})`,
    );
  if (queries > 0 && parts.includes("fusion")) gain(`${queries} queries`, result);
  if (cube) gain(`${cube.queries} of which the cube says something, by what its labels are worth`, cube);
  if (tuned) print(`kept: ${tunedWeights(tuned)}`);
  for (const line of notes) note(`note: ${line}`, quiet);
}

/** Unknown parts are refused by the library. */
const partsOf = (names: string): TunePart[] => names.split(",").map((name) => name.trim() as TunePart);
