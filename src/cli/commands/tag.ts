import { MnemeError } from "../../errors.ts";
import { parseWhere } from "../../index/filter/parse-where.ts";
import type { TagOptions } from "../../memory/types.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { bold, dim, note, plural, print, printJson } from "../output.ts";
import { progressView } from "../progress.ts";
import { textIn } from "../text-file.ts";

export default command({
  name: "tag",
  summary: "Suggest tags for a text from those of items like it",
  takesMany: true,
  args: {
    ...writingArgs,
    text: { type: "positional", description: "The text; or give --file", required: false },
    file: { type: "string", valueHint: "path", description: "Take the text from a file" },
    field: {
      type: "string",
      valueHint: "name",
      description: "Metadata field that holds tags",
      default: "tags",
    },
    k: { type: "string", alias: "k", valueHint: "n", description: "How many tags", default: "5" },
    neighbours: { type: "string", valueHint: "n", description: "Items that are asked", default: "50" },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
    learn: {
      type: "boolean",
      default: false,
      description: "Learn from the library's items how their tags are told; suggests none",
    },
    ...modelArgs,
    model: {
      ...modelArgs.model,
      description: "Language model that writes the tags: a folder, a GGUF file, hf:owner/name",
      default: "none",
    },
  },
  examples: [
    ['mneme tag "Pan-seared salmon over couscous"', "five tags that items like it have"],
    ["mneme tag --learn", "learn from the items that have tags; kept if it holds"],
    ["mneme tag --file post.md --field topics -k 3 --json", "of another field, as JSON"],
  ],
  async run(args, { signal }) {
    if (args.learn) return learn(args, signal);
    const text = args.file ? await textIn(args.file, "file") : args._.join(" ");
    if (text.trim() === "") throw new MnemeError("ARGUMENT", "tag: no text; give one, or a file by --file");
    const options: TagOptions = {
      field: args.field,
      k: wholeNumber(args.k, "k") ?? 5,
      neighbours: wholeNumber(args.neighbours, "neighbours") ?? 50,
      signal,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    await using model = await openLanguageModel(args, signal);
    return withLibrary(args, "read", async (memory) => {
      const tags = await memory.suggestTags(text, { ...options, ...(model ? { model } : {}) });
      if (args.json) printJson({ tags });
      else
        for (const { tag, count, items } of tags)
          print(
            `${bold(tag)}${dim(count === 0 ? "  new" : `  ${plural(count, "item")}${items.length > 0 ? `; ${items.join(", ")}` : ""}`)}`,
          );
      if (tags.length === 0) note(`no item like it has ${args.field}`, args.quiet);
      return tags.length > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});

function learn(
  args: Parameters<typeof withLibrary>[0] & {
    readonly field: string;
    readonly json?: boolean | undefined;
    readonly quiet?: boolean | undefined;
  },
  signal: AbortSignal,
): Promise<number> {
  return withLibrary(args, "write", async (memory) => {
    using view = progressView("tag", args.quiet);
    const learning = await memory.learnTags({ field: args.field, signal, onProgress: view.onProgress });
    view[Symbol.dispose]();
    if (args.json) printJson(learning);
    else {
      const { items, untuned, crossValidated, p, selector } = learning;
      print(
        `F1 of ${items} items: plain weights ${untuned.toFixed(4)}, learnt and cross-validated ${crossValidated.toFixed(4)} (p ${p.toFixed(4)}); ${selector ? "kept" : "not kept: they do not beat the plain ones"}`,
      );
    }
    return EXIT.ok;
  });
}
