import { MnemeError } from "../../errors.ts";
import { evaluate, readTestSet } from "../../eval/index.ts";
import { open } from "../../memory/index.ts";
import type { SearchQuery } from "../../memory/types.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { print, printJson, table } from "../output.ts";
import { plainQuery } from "../plain-query.ts";
import { progressView } from "../progress.ts";

const RETRIEVERS = { bm25: "words", dense: "meaning", hybrid: "hybrid" } as const;

export default command({
  name: "eval",
  summary: "Judge retrieval on your own queries and judgements (BEIR layout)",
  args: {
    ...commonArgs,
    corpus: {
      type: "string",
      required: true,
      valueHint: "file",
      description: "corpus.jsonl[.gz]: {_id, title, text} a line",
    },
    queries: {
      type: "string",
      required: true,
      valueHint: "file",
      description: "queries.jsonl[.gz]: {_id, text} a line",
    },
    qrels: {
      type: "string",
      required: true,
      valueHint: "file",
      description: "qrels.tsv: query id, document id, grade",
    },
    retriever: {
      type: "enum",
      options: ["bm25", "dense", "hybrid", "all"],
      default: "all",
      description: "What ranks",
    },
  },
  examples: [
    [
      "mneme eval --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv",
      "nDCG@10, recall@100, MAP and latency of all three",
    ],
  ],
  async run(args, { signal }) {
    if (!args.corpus || !args.queries || !args.qrels)
      throw new MnemeError("ARGUMENT", "eval: --corpus, --queries and --qrels are needed");
    const set = await readTestSet({ corpus: args.corpus, queries: args.queries, qrels: args.qrels });
    await using memory = await open(":memory:", { budget: "2GB" });
    await memory.add(set.documents, { signal });
    const names =
      args.retriever === "all"
        ? (Object.keys(RETRIEVERS) as (keyof typeof RETRIEVERS)[])
        : [args.retriever as keyof typeof RETRIEVERS];
    const rows = [];
    for (const name of names) {
      using view = progressView(name, args.quiet);
      const query: SearchQuery = { k: 100, retriever: RETRIEVERS[name], snippet: 0, signal };
      const search = async (text: string): Promise<string[]> =>
        (await memory.search(plainQuery(text), query)).hits.map(({ id }) => id);
      const result = await evaluate(set, search, (done) =>
        view.onProgress({ phase: "read", done, total: set.queries.length, bytes: 0, totalBytes: 0 }),
      );
      rows.push({ retriever: name, documents: set.documents.length, ...result });
    }
    if (args.json) for (const row of rows) printJson(row);
    else
      print(
        table([
          ["retriever", "nDCG@10", "recall@100", "MAP", "MRR@10", "p50 ms", "p99 ms"],
          ...rows.map((row) => [
            row.retriever,
            ...[row.ndcg10, row.recall100, row.map, row.mrr10].map((value) => value.toFixed(4)),
            row.p50.toFixed(2),
            row.p99.toFixed(2),
          ]),
        ]),
      );
    return EXIT.ok;
  },
});
