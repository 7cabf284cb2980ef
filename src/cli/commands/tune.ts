import { MnemeError } from "../../errors.ts";
import { readQueries } from "../../eval/index.ts";
import type { TuneResult } from "../../memory/types.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { note, print, printJson } from "../output.ts";
import { plainQuery } from "../plain-query.ts";
import { progressView } from "../progress.ts";

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
    reset: { type: "boolean", default: false, description: "Back to the defaults" },
  },
  examples: [
    ["mneme tune --queries queries.jsonl --qrels qrels.tsv", "kept with the library if it holds"],
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
      const result = await memory.tune(log, { signal, onProgress: view.onProgress });
      view[Symbol.dispose]();
      if (args.json) printJson(result);
      else show(result, args.quiet);
      return EXIT.ok;
    });
  },
});

function show(result: TuneResult, quiet: boolean | undefined): void {
  const { queries, untuned, crossValidated, p, tuned, notes } = result;
  if (queries > 0)
    print(
      `nDCG@10 of ${queries} queries: defaults ${untuned.toFixed(4)}, tuned and cross-validated ${crossValidated.toFixed(4)} (p ${p.toFixed(4)})`,
    );
  if (tuned)
    print(
      `kept: meaning weighs ${tuned.first} before and ${tuned.last} after feedback by ${tuned.passages} passages, ${tuned.alone} without${tuned.cube === undefined ? "" : `; the cube weighs ${tuned.cube}`}`,
    );
  for (const line of notes) note(`note: ${line}`, quiet);
}
