import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { print, printJson } from "../output.ts";
import { progressView } from "../progress.ts";

export default command({
  name: "snapshot",
  summary: "Write the library to one portable, checksummed file",
  args: {
    ...libraryArgs,
    file: { type: "positional", required: true, valueHint: "path", description: "The file to write" },
  },
  examples: [
    [
      "mneme snapshot docs.snapshot",
      "back up, or publish: it opens from disk, memory or an HTTP range server",
    ],
  ],
  async run(args, { signal }) {
    return withLibrary(args, "read", async (memory) => {
      using view = progressView("snapshot", args.quiet);
      const { path, bytes } = await memory.snapshot(args.file, { signal, onProgress: view.onProgress });
      view[Symbol.dispose]();
      if (args.json) printJson({ path, bytes });
      else print(`${path}: ${formatBytes(bytes)}`);
      return EXIT.ok;
    });
  },
});
