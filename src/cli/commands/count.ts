import { parseWhere } from "../../index/filter/parse-where.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { exactArgs, exactText } from "../exact-text.ts";
import { withLibrary } from "../library.ts";
import { print, printJson } from "../output.ts";

export default command({
  name: "count",
  summary: "How often a text occurs, letter by letter",
  takesMany: true,
  args: { ...libraryArgs, ...exactArgs },
  examples: [
    ['mneme count "as far as we know"', "how often these words follow each other"],
    ["mneme count --hex 0d0a", "bytes: lines that end as on Windows"],
  ],
  async run(args, { signal }) {
    const text = exactText(args._, args.hex);
    const options = {
      ignoreCase: args["ignore-case"],
      signal,
      ...(args.where ? { filter: parseWhere(args.where) } : {}),
    };
    return withLibrary(args, "read", async (memory) => {
      const count = await memory.count(text, options);
      if (args.json) printJson({ count });
      else print(String(count));
      return count > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});
