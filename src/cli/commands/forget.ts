import { MnemeError } from "../../errors.ts";
import { parseWhere } from "../../index/filter/parse-where.ts";
import type { ForgetSelector } from "../../memory/types.ts";
import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { note, plural, print, printJson } from "../output.ts";

export default command({
  name: "forget",
  summary: "Forget items by id, filter or age; undo for a while",
  takesMany: true,
  args: {
    ...writingArgs,
    ids: { type: "positional", required: false, description: "Ids of items" },
    where: { type: "string", alias: "w", valueHint: "filter", description: "Items that match" },
    "older-than": {
      type: "string",
      valueHint: "span",
      description: "Items not updated since, e.g. 30d or 2026-01-31",
    },
    all: { type: "boolean", description: "Everything" },
    "dry-run": { type: "boolean", alias: "n", description: "Only count" },
    undo: {
      type: "string",
      valueHint: "token",
      description: "Bring back what a forget took, within its window",
    },
  },
  examples: [
    ["mneme forget docs/old.md", "one item"],
    [
      "mneme forget --where 'folder = drafts' --older-than 30d --dry-run",
      "what would go, and how many bytes",
    ],
    ["mneme forget --undo 5f3c...", "bring it back"],
  ],
  async run(args) {
    return withLibrary(args, "write", async (memory) => {
      if (args.undo) {
        const { items } = await memory.undo(args.undo);
        if (args.json) printJson({ items });
        else print(`${plural(items, "item")} ${items === 1 ? "is" : "are"} back`);
        return EXIT.ok;
      }
      const result = await memory.forget(selectorOf(args));
      if (args.json) printJson(result);
      else {
        print(
          `${args["dry-run"] ? "would forget" : "forgot"} ${plural(result.items, "item")}, ${plural(result.passages, "passage")}, about ${formatBytes(result.bytesFreed)}`,
        );
        if (result.undo)
          note(`undo: mneme forget --undo ${result.undo}   space comes back with: mneme compact`, args.quiet);
      }
      return result.items > 0 ? EXIT.ok : EXIT.nothing;
    });
  },
});

interface Flags {
  readonly _: string[];
  readonly where?: string | undefined;
  readonly "older-than"?: string | undefined;
  readonly all?: boolean | undefined;
  readonly "dry-run"?: boolean | undefined;
}

function selectorOf(args: Flags): ForgetSelector {
  if (args._.length === 0 && !args.where && !args["older-than"] && !args.all) {
    throw new MnemeError("ARGUMENT", "forget: say what: ids, --where, --older-than, or --all for everything");
  }
  return {
    ...(args._.length > 0 ? { ids: args._ } : {}),
    ...(args.where ? { where: parseWhere(args.where) } : {}),
    ...(args["older-than"] ? { olderThan: args["older-than"] } : {}),
    ...(args.all ? { all: true } : {}),
    dryRun: args["dry-run"] === true,
  };
}
