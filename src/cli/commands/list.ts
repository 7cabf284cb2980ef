import { MnemeError } from "../../errors.ts";
import { parseWhere } from "../../index/filter/parse-where.ts";
import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { dim, plural, print, printJson } from "../output.ts";

export default command({
  name: "list",
  summary: "List items, or show one",
  args: {
    ...libraryArgs,
    id: { type: "positional", required: false, description: "Show this item with its text" },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
    prefix: { type: "string", valueHint: "text", description: "Only ids that begin so" },
    limit: { type: "string", alias: "n", valueHint: "n", description: "At most so many" },
  },
  examples: [
    ["mneme list --prefix docs/ -n 20", "the first twenty items of a folder"],
    ["mneme list docs/guide.md", "one item with its text"],
  ],
  async run(args) {
    return withLibrary(args, "read", async (memory) => {
      if (args.id) {
        const item = await memory.get(args.id);
        if (!item)
          throw new MnemeError(
            "NOT_FOUND",
            `list: no item ${JSON.stringify(args.id)}; \`mneme list\` shows the ids`,
          );
        const { data, ...rest } = item;
        if (args.json) printJson(data ? { ...rest, data: Buffer.from(data).toString("base64") } : rest);
        else
          print(
            data ? dim(`${formatBytes(data.byteLength)} of bytes, no text; --json gives them`) : item.text,
          );
        return EXIT.ok;
      }
      const limit = wholeNumber(args.limit, "limit");
      const options = {
        ...(args.where ? { where: parseWhere(args.where) } : {}),
        ...(args.prefix ? { prefix: args.prefix } : {}),
        ...(limit === undefined ? {} : { limit }),
      };
      let shown = 0;
      for await (const head of memory.list(options)) {
        shown++;
        if (args.json) printJson(head);
        else
          print(
            `${head.id}  ${dim(`${formatBytes(head.bytes)}, ${head.binary ? "binary" : plural(head.passages, "passage")}, v${head.version}, ${new Date(head.updatedAt).toISOString().slice(0, 16)}`)}`,
          );
      }
      return shown > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});
