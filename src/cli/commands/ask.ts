import { parseWhere } from "../../index/filter/parse-where.ts";
import type { AnswerPart, Citation, Memory } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { accent, dim, note, print, printJson } from "../output.ts";

export default command({
  name: "ask",
  summary: "Answer a question with cited passages",
  takesMany: true,
  args: {
    ...libraryArgs,
    question: { type: "positional", description: "The question", required: true },
    k: { type: "string", alias: "k", valueHint: "n", description: "Passages to read", default: "8" },
    sentences: {
      type: "string",
      valueHint: "n",
      description: "Sentences that are extracted where no model answers",
      default: "4",
    },
    ...modelArgs,
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
  },
  examples: [
    [
      "mneme ask 'How are posting lists pruned?'",
      "an answer from the library, each sentence with its source",
    ],
    ["mneme ask --model none 'How are posting lists pruned?'", "the library's own sentences"],
  ],
  async run(args, { signal }) {
    const options = {
      k: wholeNumber(args.k, "k") ?? 8,
      sentences: wholeNumber(args.sentences, "sentences") ?? 4,
      signal,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    await using model = await openLanguageModel(args, signal);
    const answer = async (memory: Memory): Promise<number> => {
      const citations: Citation[] = [];
      let text = "";
      for await (const part of memory.ask(args._.join(" "), options)) {
        if (part.type === "done") return finish(args, text, citations, part);
        text += part.text;
        if (!args.json) process.stdout.write(part.type === "citation" ? accent(part.text) : part.text);
        if (part.type === "citation" && !citations.some(({ number }) => number === part.citation.number))
          citations.push(part.citation);
      }
      return EXIT.failed;
    };
    return await withLibrary(args, "read", answer, model ? { model } : {});
  },
});

type Done = Extract<AnswerPart, { type: "done" }>;

function finish(
  args: { json?: boolean | undefined; quiet?: boolean | undefined },
  text: string,
  citations: readonly Citation[],
  done: Done,
): number {
  const { type: _, text: __, ...end } = done;
  const { answered, reason, notes } = end;
  if (args.json) printJson({ ...end, text, citations });
  else {
    if (text) print();
    for (const { number, title, id, place } of citations)
      print(dim(`[${number}] ${title || id}  ${id}:${place.line}`));
    for (const one of notes) note(`note: ${one}`, args.quiet);
    if (!answered) note(`no answer: ${reason ?? "nothing in the library fits"}`, args.quiet);
  }
  return answered ? EXIT.ok : EXIT.nothing;
}
