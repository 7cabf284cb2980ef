import { formatBytes } from "../../memory/units.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { mustExist } from "../library.ts";
import { print, printJson } from "../output.ts";

export default command({
  name: "restore",
  summary: "Make a library from a snapshot",
  args: {
    ...commonArgs,
    snapshot: { type: "positional", required: true, valueHint: "path", description: "The snapshot file" },
    library: {
      type: "positional",
      required: true,
      valueHint: "path",
      description: "The library to make; must not exist",
    },
  },
  examples: [["mneme restore docs.snapshot ./library.mneme", "a library as it was"]],
  async run(args, { signal }) {
    await mustExist(args.snapshot, "name the file that `mneme snapshot` wrote");
    const { openPath, restore } = await import("../../storage/index.ts");
    await using snapshot = await openPath(args.snapshot, { mode: "read" });
    const { bytes } = await restore(snapshot, args.library, { signal });
    if (args.json) printJson({ library: args.library, bytes });
    else print(`${args.library}: ${formatBytes(bytes)}`);
    return EXIT.ok;
  },
});
