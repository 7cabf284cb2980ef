import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { print, printJson } from "../output.ts";
import { progressView } from "../progress.ts";

export default command({
  name: "compact",
  summary: "Give back the space of forgotten and replaced items",
  args: writingArgs,
  examples: [["mneme compact", "after a large forget; what was forgotten cannot be undone afterwards"]],
  async run(args, { signal }) {
    return withLibrary(args, "write", async (memory) => {
      using view = progressView("compact", args.quiet);
      const result = await memory.compact({ signal, onProgress: view.onProgress });
      view[Symbol.dispose]();
      if (args.json) printJson(result);
      else print(`${formatBytes(result.bytesBefore)} -> ${formatBytes(result.bytesAfter)}`);
      return EXIT.ok;
    });
  },
});
