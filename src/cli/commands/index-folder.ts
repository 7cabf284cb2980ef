import { resolve } from "node:path";
import { MnemeError } from "../../errors.ts";
import { STANDARD_DIMENSIONS } from "../../index/cube/extract/standard.ts";
import type { Meta } from "../../index/filter/where.ts";
import type { CubeOption, IndexResult } from "../../memory/types.ts";
import { formatBytes, parseBytes } from "../../memory/units.ts";
import { checkMeta } from "../../memory/validate.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { libraryPath, wholeNumber, withLibrary } from "../library.ts";
import { note, plural, print, printJson } from "../output.ts";
import { progressView } from "../progress.ts";

/** Skipped files named one by one; the rest are counted. */
const SKIPPED_SHOWN = 10;
const KINDS_SHOWN = 6;

export default command({
  name: "index",
  summary: "Bring folders or files into the library; again = only what changed",
  takesMany: true,
  args: {
    ...writingArgs,
    path: {
      type: "positional",
      valueHint: "path",
      description: "Folders or files: Markdown, text, HTML, PDF, DOCX, EPUB, CSV, JSON, source code",
      required: true,
    },
    include: { type: "string", valueHint: "globs", description: "Only files that match, comma-separated" },
    exclude: { type: "string", valueHint: "globs", description: "Not these, comma-separated" },
    "max-file": { type: "string", valueHint: "bytes", description: "Skip larger files", default: "256MB" },
    meta: { type: "string", valueHint: "json", description: "Metadata for every item, as a JSON object" },
    prune: {
      type: "boolean",
      default: true,
      description: "Forget items whose file is gone (--no-prune keeps them)",
    },
    substrings: {
      type: "boolean",
      description:
        "Keep an index of every substring from now on, for count, locate, find (--no-substrings: no more)",
    },
    binary: {
      type: "boolean",
      description:
        "Also files that are no text, as bytes; default: where every substring is indexed (--no-binary skips them)",
    },
    cube: {
      type: "string",
      valueHint: "all|dimensions",
      description: `File passages under labels: "all", or of ${STANDARD_DIMENSIONS.join(", ")}, comma-separated`,
    },
    workers: { type: "string", valueHint: "n", description: "Worker threads; default: cores, at most 4" },
  },
  examples: [
    ["mneme index ./docs", "index a folder; run it again after edits"],
    ["mneme index ./docs --exclude 'drafts/**' --json", "without drafts, result as JSON"],
  ],
  async run(args, { signal }) {
    const workers = wholeNumber(args.workers, "workers");
    const meta = args.meta === undefined ? undefined : metaIn(args.meta);
    return withLibrary(
      args,
      "write",
      async (memory) => {
        let complete = true;
        for (const path of args._) {
          using view = progressView(path, args.quiet);
          const result = await memory.index(path, {
            signal,
            onProgress: view.onProgress,
            ...(args.include ? { include: args.include.split(",") } : {}),
            ...(args.exclude ? { exclude: args.exclude.split(",") } : {}),
            ...(meta ? { meta } : {}),
            maxFileBytes: parseBytes(args["max-file"], "--max-file"),
            prune: args.prune,
            ...(args.binary === undefined ? {} : { binary: args.binary }),
          });
          view[Symbol.dispose]();
          if (args.json) printJson({ path: resolve(path), library: libraryPath(args), ...result });
          else report(path, result, args.quiet);
          if (result.added + result.updated + result.unchanged === 0) complete = false;
        }
        await memory.idle();
        return complete ? EXIT.ok : EXIT.nothing;
      },
      {
        ...(workers === undefined ? {} : { workers }),
        ...(args.substrings === undefined ? {} : { substrings: args.substrings }),
        ...(args.cube ? { cube: cubeOf(args.cube) } : {}),
      },
    );
  },
});

function cubeOf(names: string): CubeOption {
  return names === "all" ? true : { dimensions: names.split(",").map((name) => name.trim()) };
}

function metaIn(text: string): Meta {
  try {
    const meta = JSON.parse(text) as Meta;
    checkMeta(meta, "--meta");
    return meta;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new MnemeError("ARGUMENT", `--meta: ${JSON.stringify(text)} is not JSON`, { cause });
  }
}

function report(path: string, result: IndexResult, quiet: boolean | undefined): void {
  const { added, updated, unchanged, removed, skipped, unknown, passages, bytes, ms, files } = result;
  if (files === 0) note(`${path}: no file that a reader knows`, quiet);
  const rate = bytes > 0 ? `, ${formatBytes((bytes / ms) * 1000)}/s` : "";
  print(
    `${path}: ${added} added, ${updated} updated, ${unchanged} unchanged, ${removed} removed, ${skipped.length} skipped; ` +
      `${plural(passages, "passage")}, ${formatBytes(bytes)} in ${(ms / 1000).toFixed(1)} s${rate}`,
  );
  for (const { code, reason } of skipped.slice(0, SKIPPED_SHOWN))
    note(`  skipped [${code}] ${reason}`, quiet);
  if (skipped.length > SKIPPED_SHOWN)
    note(`  and ${skipped.length - SKIPPED_SHOWN} more; --json lists all`, quiet);
  const kinds = Object.entries(unknown).sort(([, a], [, b]) => b - a);
  if (kinds.length > 0) note(`  passed over, no reader knows them: ${kindsOf(kinds)}`, quiet);
}

/** "12 .png, 3 without an extension and 2 of 5 other kinds", the most first. */
function kindsOf(kinds: readonly (readonly [extension: string, files: number])[]): string {
  const shown = kinds
    .slice(0, KINDS_SHOWN)
    .map(([extension, files]) => `${files} ${extension ? `.${extension}` : "without an extension"}`);
  const rest = kinds.slice(KINDS_SHOWN);
  const others = rest.reduce((sum, [, files]) => sum + files, 0);
  return shown.join(", ") + (rest.length > 0 ? ` and ${others} of ${rest.length} other kinds` : "");
}
