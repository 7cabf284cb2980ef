import { MnemeError } from "../../errors.ts";
import { formatBytes } from "../../memory/units.ts";
import type { KeptFile } from "../../model/index.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { plural, print, printJson, table } from "../output.ts";

export default command({
  name: "weights",
  summary: "Converted weights of language models that are kept: list them, or clear them away",
  args: {
    ...commonArgs,
    action: {
      type: "positional",
      required: false,
      valueHint: "list|clear",
      description: "list (default), or clear",
    },
    "weight-cache": {
      type: "string",
      valueHint: "folder",
      description: "The folder they are in; default: ~/.cache/mneme/weights",
    },
  },
  examples: [
    ["mneme weights", "what is kept, the last used first"],
    ["mneme weights clear", "away with all of it: it is made anew when a model is loaded"],
  ],
  async run(args) {
    const action = args.action ?? "list";
    if (action !== "list" && action !== "clear")
      throw new MnemeError("ARGUMENT", `weights: ${JSON.stringify(action)} is neither list nor clear`);
    const { WeightCache } = await import("../../model/index.ts");
    const cache = new WeightCache(args["weight-cache"]);
    const { folder } = cache;
    if (action === "clear") {
      const { files, bytes } = cache.clear();
      if (args.json) printJson({ folder, files, bytes });
      else print(`${plural(files, "file")}, ${formatBytes(bytes)} cleared from ${folder}`);
      return EXIT.ok;
    }
    const files = cache.list();
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (args.json) printJson({ folder, bytes, budgetBytes: cache.budgetBytes, files: files.map(factsOf) });
    else {
      if (files.length > 0) print(table(files.map(lineOf)));
      print(
        `${plural(files.length, "file")}, ${formatBytes(bytes)} of ${formatBytes(cache.budgetBytes)} in ${folder}`,
      );
    }
    return EXIT.ok;
  },
});

function factsOf({ path, bytes, lastUsed, pinned, about }: KeptFile): Readonly<Record<string, unknown>> {
  return { path, bytes, lastUsed: new Date(lastUsed).toISOString(), pinned, ...about };
}

function lineOf({ bytes, lastUsed, about }: KeptFile): string[] {
  const what = about.damaged === undefined ? String(about.model) : "damaged: made anew when it is needed";
  const day = new Date(lastUsed).toISOString().slice(0, 16).replace("T", " ");
  return [what, String(about.precision ?? ""), formatBytes(bytes), day];
}
