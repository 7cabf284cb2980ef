import { parseWhere } from "../../index/filter/parse-where.ts";
import type { Occurrence } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { exactArgs, exactText } from "../exact-text.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { bold, dim, highlight, note, plural, print, printJson } from "../output.ts";

export default command({
  name: "locate",
  summary: "Where a text occurs, letter by letter",
  takesMany: true,
  args: {
    ...libraryArgs,
    ...exactArgs,
    limit: { type: "string", alias: "n", valueHint: "n", description: "At most so many", default: "100" },
    cursor: { type: "string", valueHint: "place", description: "Go on where an earlier answer ended" },
  },
  examples: [
    ['mneme locate "as far as we know"', "each place, with the words around"],
    ['mneme locate --limit 20 --json "TODO("', "one object a line, with offsets in bytes and characters"],
  ],
  async run(args, { signal }) {
    const text = exactText(args._, args.hex);
    const options = {
      limit: wholeNumber(args.limit, "limit") ?? 100,
      ignoreCase: args["ignore-case"],
      signal,
      ...(args.cursor ? { cursor: args.cursor } : {}),
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    return withLibrary(args, "read", async (memory) => {
      const { occurrences, next } = await memory.locate(text, options);
      for (const occurrence of occurrences) {
        if (args.json) printJson(occurrence);
        else show(occurrence);
      }
      const more = next ? `; go on with --cursor ${next}` : "";
      if (next || !args.json) note(dim(`${plural(occurrences.length, "place")}${more}`), args.quiet);
      return occurrences.length > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});

function show({ id, line, startByte, snippet, highlight: range }: Occurrence): void {
  print(`${bold(`${id}:${line}`)}${dim(`  byte ${startByte}`)}`);
  print(`   ${highlight(snippet, [range]).replace(/\s+/g, " ")}`);
}
