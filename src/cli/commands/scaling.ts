import { parseCodec } from "../../codecs/index.ts";
import { bundledEmbedder } from "../../embed/bundled.ts";
import { MnemeError } from "../../errors.ts";
import {
  type Datastore,
  datastoreScaling,
  mergedStore,
  readQueryLog,
  type ScalingOptions,
  type ScalingQuery,
  scalingDefaults,
} from "../../eval/index.ts";
import { codedLibrary, libraryStore, libraryVectors } from "../../memory/datastore.ts";
import { open } from "../../memory/index.ts";
import type { Memory } from "../../memory/types.ts";
import type { Model } from "../../model/index.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { print, printJson } from "../output.ts";
import { plainQuery } from "../plain-query.ts";
import { progressView } from "../progress.ts";
import { shortAnswer } from "../scaling-answer.ts";
import { type Series, scalingSvg, scalingText } from "../scaling-report.ts";
import { writeText } from "../text-file.ts";

const RETRIEVERS = ["meaning", "words", "hybrid"] as const;

export default command({
  name: "scaling",
  summary: "How search and answers improve as the library grows, from one search of all of it",
  takesMany: true,
  args: {
    ...libraryArgs,
    more: {
      type: "positional",
      required: false,
      valueHint: "path",
      description: "Further libraries, searched as one with it",
    },
    queries: {
      type: "string",
      required: true,
      valueHint: "file",
      description: "A JSON object a line: query; optional id, relevant (ids, or grades by id), answers",
    },
    judgements: {
      type: "string",
      valueHint: "file",
      description: "qrels.tsv: query id, document id, grade",
    },
    retriever: {
      type: "enum",
      options: [...RETRIEVERS],
      default: "meaning",
      description: "What ranks; of meaning alone a thinned list is exactly a smaller library's",
    },
    fractions: {
      type: "string",
      valueHint: "shares",
      description:
        "Shares of the library, comma-separated; default .01,.05,.1,.25,.5,.75,1 where they hold k documents",
    },
    seeds: { type: "string", valueHint: "n", default: "3", description: "Samples of each share" },
    k: {
      type: "string",
      alias: "k",
      valueHint: "n",
      default: "10",
      description: "Documents that are judged",
    },
    depth: {
      type: "string",
      valueHint: "n",
      description: "Documents retrieved a query; default: what the least share needs",
    },
    evidence: {
      type: "string",
      valueHint: "n",
      default: "3",
      description: "Documents that answers are looked for in, and made from",
    },
    filter: {
      type: "boolean",
      default: true,
      description: "Leave out documents that hold the question, copies and scraps (--no-filter keeps them)",
    },
    codecs: {
      type: "string",
      valueHint: "codecs",
      description:
        "Instead of the library's index, its vectors by each of these, e.g. f32,int8,rabitq1: what bytes buy",
    },
    svg: { type: "string", valueHint: "file", description: "Draw the curves" },
    ...modelArgs,
    model: {
      ...modelArgs.model,
      default: "none",
      description: "Answer with this language model, for exact match: a folder, a GGUF file, hf:owner/name",
    },
  },
  examples: [
    ["mneme scaling --queries log.jsonl --judgements qrels.tsv", "nDCG@10 and recall@10 at seven sizes"],
    [
      "mneme scaling --queries log.jsonl --codecs f32,int8,rabitq1 --svg bytes.svg",
      "what the same bytes find by each codec",
    ],
  ],
  async run(args, { signal }) {
    if (!args.queries) throw new MnemeError("ARGUMENT", "scaling: --queries is needed");
    const queries = await readQueryLog(args.queries, args.judgements);
    await using model = await openLanguageModel(args, signal);
    const study = async (memory: Memory, further: Memory[]): Promise<number> => {
      const series: Series[] = [];
      for (const [name, store] of await storesOf(memory, further, args, signal)) {
        const options = optionsOf(args, store, model, signal);
        series.push({ name, ...(await studied(name, store, queries, options, args.quiet)) });
      }
      if (args.svg) await writeText(args.svg, scalingSvg(series), "svg");
      if (args.json) printJson({ series });
      else print(scalingText(series));
      return EXIT.ok;
    };
    const further: Memory[] = [];
    try {
      return await withLibrary(args, "read", (memory) => study(memory, further));
    } finally {
      for (const memory of further) await memory.close();
    }
  },
});

interface Flags {
  readonly _: readonly string[];
  readonly retriever: string;
  readonly codecs?: string | undefined;
  readonly fractions?: string | undefined;
  readonly seeds: string;
  readonly k: string;
  readonly depth?: string | undefined;
  readonly evidence: string;
  readonly filter: boolean;
  readonly quiet?: boolean | undefined;
  readonly budget?: string | undefined;
}

/** @param further libraries that are opened, for the caller to close */
async function storesOf(
  memory: Memory,
  further: Memory[],
  flags: Flags,
  signal: AbortSignal,
): Promise<[string, Datastore][]> {
  if (flags.codecs === undefined) return [[flags.retriever, await libraryOf(memory, further, flags)]];
  if (flags._.length > 0)
    throw new MnemeError("ARGUMENT", "scaling: --codecs studies one library; leave the further ones out");
  const { space } = memory.info();
  if (space.model !== "mneme-embed")
    throw new MnemeError(
      "SPACE",
      `scaling: --codecs makes the vectors anew with the bundled model, this library has those of ${space.model}`,
    );
  const codecs = flags.codecs.split(",").map((name) => parseCodec(name.trim()));
  const embedder = await bundledEmbedder({ dim: space.dim as 256 });
  using view = progressView("vectors", flags.quiet);
  const total = memory.info().items;
  const vectors = await libraryVectors(memory, embedder, {
    signal,
    onDocument: (done) => view.onProgress({ phase: "embed", done, total, bytes: 0, totalBytes: 0 }),
  });
  return codecs.map((codec) => [codec.id, codedLibrary(memory, embedder, vectors, codec)]);
}

/** The library, merged with further ones. */
async function libraryOf(
  memory: Memory,
  further: Memory[],
  { _: more, retriever, budget }: Flags,
): Promise<Datastore> {
  const options = { retriever: retriever as (typeof RETRIEVERS)[number], rewrite: plainQuery };
  for (const path of more) further.push(await open(path, { mode: "read", ...(budget ? { budget } : {}) }));
  if (further.length === 0) return libraryStore(memory, options);
  return mergedStore(await Promise.all([memory, ...further].map((one) => libraryStore(one, options))));
}

function optionsOf(
  flags: Flags,
  store: Datastore,
  model: Model | undefined,
  signal: AbortSignal,
): ScalingOptions {
  const k = wholeNumber(flags.k, "k") ?? scalingDefaults.k;
  const depth = wholeNumber(flags.depth, "depth");
  const { text } = store;
  return {
    k,
    evidence: wholeNumber(flags.evidence, "evidence") ?? scalingDefaults.evidence,
    fractions: fractionsOf(flags.fractions, store.documents.length, k),
    seeds: Array.from({ length: wholeNumber(flags.seeds, "seeds") ?? 3 }, (_, i) => i + 1),
    ...(depth === undefined ? {} : { depth }),
    ...(flags.filter ? {} : { filter: false as const }),
    ...(model && text
      ? { answer: (question, documents) => shortAnswer(model, question, documents, text, signal) }
      : {}),
    signal,
  };
}

/** Those named, or those of the default that keep k documents. @throws MnemeError ARGUMENT */
function fractionsOf(named: string | undefined, documents: number, k: number): readonly number[] {
  if (named === undefined) return scalingDefaults.fractions.filter((p) => p === 1 || p * documents >= k);
  return named.split(",").map((word) => {
    const fraction = Number(word);
    if (word.trim() === "" || Number.isNaN(fraction))
      throw new MnemeError("ARGUMENT", `--fractions: ${JSON.stringify(word)} is no number`);
    return fraction;
  });
}

async function studied(
  name: string,
  store: Datastore,
  queries: readonly ScalingQuery[],
  options: ScalingOptions,
  quiet: boolean | undefined,
) {
  using view = progressView(name, quiet);
  return datastoreScaling(store, queries, {
    ...options,
    onQuery: (done, total) => view.onProgress({ phase: "read", done, total, bytes: 0, totalBytes: 0 }),
  });
}
