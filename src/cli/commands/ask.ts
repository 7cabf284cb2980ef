import { parseWhere } from "../../index/filter/parse-where.ts";
import type { Citation } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { accent, dim, note, print, printJson } from "../output.ts";

export default command({
  name: "ask",
  summary: "Answer a question with cited passages",
  args: {
    ...libraryArgs,
    question: { type: "positional", description: "The question", required: true },
    k: { type: "string", alias: "k", valueHint: "n", description: "Passages to read", default: "8" },
    sentences: { type: "string", valueHint: "n", description: "Sentences in the answer", default: "4" },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
  },
  examples: [
    ["mneme ask 'How are posting lists pruned?'", "sentences from the library, each with its source"],
  ],
  async run(args, { signal }) {
    const options = {
      k: wholeNumber(args.k, "k") ?? 8,
      sentences: wholeNumber(args.sentences, "sentences") ?? 4,
      signal,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    return withLibrary(args, "read", async (memory) => {
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
    });
  },
});

interface Done {
  readonly answered: boolean;
  readonly reason?: string;
  readonly ms: number;
}

function finish(
  args: { json?: boolean | undefined; quiet?: boolean | undefined },
  text: string,
  citations: readonly Citation[],
  done: Done,
): number {
  const { answered, reason, ms } = done;
  if (args.json) printJson({ answered, text, citations, ...(reason ? { reason } : {}), ms });
  else {
    if (text) print();
    for (const { number, title, id, place } of citations)
      print(dim(`[${number}] ${title || id}  ${id}:${place.line}`));
    if (!answered) note(`no answer: ${reason ?? "nothing in the library fits"}`, args.quiet);
  }
  return answered ? EXIT.ok : EXIT.nothing;
}
