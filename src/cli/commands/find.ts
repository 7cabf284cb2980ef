import { parseWhere } from "../../index/filter/parse-where.ts";
import type { FindOptions, Quotation } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { bold, dim, highlight, note, plural, print, printJson } from "../output.ts";

export default command({
  name: "find",
  summary: "Find a quotation, letter by letter, with some that may differ",
  takesMany: true,
  args: {
    ...libraryArgs,
    quote: { type: "positional", description: "What stands there", required: true },
    mismatches: {
      type: "string",
      alias: "m",
      valueHint: "n",
      description: "Characters that may differ",
      default: "0",
    },
    "ignore-case": {
      type: "boolean",
      default: true,
      description: "A is a",
      negativeDescription: "A is not a",
    },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
    limit: { type: "string", alias: "n", valueHint: "n", description: "At most so many", default: "100" },
  },
  examples: [
    ['mneme find "to be, or not to be"', "every place, word for word"],
    ['mneme find --mismatches 3 "the qick brown fox"', "up to three characters differ"],
  ],
  async run(args, { signal }) {
    const limit = wholeNumber(args.limit, "limit") ?? 100;
    const options: FindOptions = {
      mismatches: wholeNumber(args.mismatches, "mismatches") ?? 0,
      ignoreCase: args["ignore-case"],
      limit,
      signal,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    return withLibrary(args, "read", async (memory) => {
      const started = performance.now();
      let shown = 0;
      for await (const quotation of memory.find(args._.join(" "), options)) {
        shown++;
        if (args.json) printJson(quotation);
        else show(quotation);
      }
      const more = shown === limit ? `; perhaps more: --limit ${limit * 10}` : "";
      if (!args.json)
        note(
          dim(`${plural(shown, "place")} in ${(performance.now() - started).toFixed(0)} ms${more}`),
          args.quiet,
        );
      return shown > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});

function show({ id, line, mismatches, snippet, highlight: range }: Quotation): void {
  print(`${bold(`${id}:${line}`)}${mismatches > 0 ? dim(`  ${mismatches} differ`) : ""}`);
  print(`   ${highlight(snippet, [range]).replace(/\s+/g, " ")}`);
}
