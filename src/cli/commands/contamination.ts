import { basename } from "node:path";
import { MnemeError } from "../../errors.ts";
import {
  type BenchmarkExample,
  contaminationDefaults,
  contaminationSvg,
  readBenchmark,
  shareOf,
  summarize,
  VERDICTS,
  type Verdict,
  verdictOf,
} from "../../eval/index.ts";
import type { Overlap } from "../../memory/types.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { bold, dim, note, print, printJson, table } from "../output.ts";
import { progressView } from "../progress.ts";
import { writeText } from "../text-file.ts";

/** Characters of an example and of a stretch that are shown. */
const SHOWN = 70;

interface Judged extends BenchmarkExample {
  readonly overlap: Overlap;
  readonly verdict: Verdict;
  readonly share: number;
}

export default command({
  name: "contamination",
  summary: "How much of a benchmark stands in the library, letter by letter",
  args: {
    ...libraryArgs,
    benchmark: {
      type: "string",
      required: true,
      valueHint: "file",
      description: "A JSON object a line, an example each",
    },
    field: {
      type: "string",
      valueHint: "name",
      default: contaminationDefaults.field,
      description: "Field that holds the text of an example",
    },
    width: {
      type: "string",
      valueHint: "n",
      default: String(contaminationDefaults.width),
      description: "Characters of a window",
    },
    mismatches: {
      type: "string",
      valueHint: "n",
      default: "0",
      description: "Characters of a window that may be others: near copies are found, too",
    },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "n",
      default: "20",
      description: "Show the worst so many examples (--json tells all)",
    },
    svg: { type: "string", valueHint: "file", description: "Draw how many examples have which share" },
  },
  examples: [
    ["mneme contamination --benchmark test.jsonl", "what of its questions the library holds word for word"],
    [
      "mneme contamination --benchmark test.jsonl --field answer --svg shares.svg",
      "of its answers, with a picture",
    ],
  ],
  async run(args, { signal }) {
    if (!args.benchmark) throw new MnemeError("ARGUMENT", "contamination: --benchmark is needed");
    const examples = await readBenchmark(args.benchmark, args.field);
    const width = wholeNumber(args.width, "width") ?? contaminationDefaults.width;
    const mismatches = wholeNumber(args.mismatches, "mismatches") ?? 0;
    const limit = wholeNumber(args.limit, "limit") ?? 20;
    return withLibrary(args, "read", async (memory) => {
      const started = performance.now();
      using view = progressView("contamination", args.quiet);
      const texts = examples.map(({ text }) => text);
      const overlaps = await memory.overlaps(texts, {
        width,
        mismatches,
        signal,
        onProgress: view.onProgress,
      });
      view[Symbol.dispose]();
      const judged = examples.map((example, i): Judged => {
        const overlap = overlaps[i]!;
        return { ...example, overlap, verdict: verdictOf(overlap), share: shareOf(overlap) };
      });
      if (args.svg)
        await writeText(
          args.svg,
          contaminationSvg(`Contamination of ${basename(args.benchmark)}`, overlaps),
          "svg",
        );
      if (args.json)
        printJson({
          benchmark: args.benchmark,
          width,
          mismatches,
          ...summarize(overlaps),
          results: judged.map(told),
        });
      else show(judged, overlaps, limit);
      if (!args.json) note(dim(`${((performance.now() - started) / 1000).toFixed(1)} s`), args.quiet);
      return EXIT.ok;
    });
  },
});

/** One example for a program. */
function told({ line, id, verdict, share, overlap: { windows, found, longest } }: Judged): object {
  return {
    line,
    ...(id === undefined ? {} : { id }),
    verdict,
    share,
    windows,
    found,
    ...(longest ? { longest } : {}),
  };
}

function show(judged: readonly Judged[], overlaps: readonly Overlap[], limit: number): void {
  const worst = judged
    .filter(({ overlap }) => overlap.found > 0)
    .sort((a, b) => b.share - a.share || a.line - b.line);
  for (const { line, id, verdict, share, text, overlap } of worst.slice(0, limit)) {
    const { found, windows, longest } = overlap;
    print(
      `${bold(verdict)} ${percent(share)} (${found} of ${windows})  line ${line}${id ? dim(` ${id}`) : ""}  ${short(text)}`,
    );
    if (longest) {
      const { at, start, end, mismatches } = longest;
      const others = mismatches ? `, ${mismatches} others` : "";
      print(
        dim(
          `   ${end - start} characters${others} at ${at.id}:${at.line}, from character ${at.start}: ${short(at.text)}`,
        ),
      );
    }
  }
  if (worst.length > limit)
    print(dim(`and ${worst.length - limit} more with something found: --limit ${worst.length}`));
  if (worst.length > 0) print();
  const summary = summarize(overlaps);
  const sized = summary.examples - summary.short || 1;
  const rows = VERDICTS.map((verdict) => [
    verdict,
    summary[verdict],
    verdict === "short" ? "" : percent(summary[verdict] / sized),
    MEANING[verdict],
  ]);
  print(table(rows));
}

const MEANING: Record<Verdict, string> = {
  dirty: `${percent(contaminationDefaults.dirty)} or more of its windows found`,
  suspicious: `${percent(contaminationDefaults.suspicious)} or more`,
  clean: "less",
  short: "shorter than a window: not judged",
};

function percent(share: number): string {
  return `${(100 * share).toFixed(share === 0 || share === 1 || Number.isInteger(100 * share) ? 0 : 1)}%`;
}

function short(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > SHOWN ? `${line.slice(0, SHOWN - 3)}...` : line;
}
