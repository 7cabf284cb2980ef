import type { Memory, MemoryInfo, StatsRow, VectorEstimate, VectorExplanation } from "../../memory/types.ts";
import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { withLibrary } from "../library.ts";
import { bold, dim, plural, print, printJson, table } from "../output.ts";
import { tunedWeights } from "../tuned-weights.ts";

const BAR = 20;

export default command({
  name: "stats",
  summary: "What holds which bytes, against the budget",
  args: {
    ...libraryArgs,
    ...modelArgs,
    explain: {
      type: "boolean",
      default: false,
      description:
        "How vectors are searched, why, and what other indexes would take; what tuning found the cube's labels worth",
    },
    skipped: {
      type: "boolean",
      default: false,
      description: "What the last run over each folder left out, file by file, and why",
    },
    model: {
      ...modelArgs.model,
      default: "none",
      description:
        "Also what this language model holds once it is loaded: a folder, a GGUF file, hf:owner/name",
    },
  },
  examples: [
    ["mneme stats --explain", "which vector index is used, why, and what the others would take"],
    ["mneme stats", "bytes by structure and tier"],
    ["mneme stats --model ./SmolLM-135M-Instruct", "with those of a language model"],
  ],
  async run(args, { signal }) {
    await using model = await openLanguageModel(args, signal);
    const work = async (memory: Memory): Promise<number> => {
      const [info, rows] = [memory.info(), memory.stats()];
      const vectors = args.explain ? memory.explain() : [];
      if (args.json) printJson({ ...info, structures: rows, ...(args.explain ? { vectors } : {}) });
      else show(info, rows);
      if (!args.json) vectors.forEach(showVectors);
      if (!args.json && args.explain) showCube(info.tuned);
      if (!args.json && args.skipped) (info.skipped ?? []).forEach(showSkipped);
      return EXIT.ok;
    };
    return await withLibrary(args, "read", work, model ? { model } : {});
  },
});

function show(info: MemoryInfo, rows: readonly StatsRow[]): void {
  const share =
    info.textBytes > 0 ? `, ${Math.round((100 * info.diskBytes) / info.textBytes)}% of the text` : "";
  print(bold(info.location));
  print(
    `${plural(info.items, "item")}, ${plural(info.passages, "passage")}, ${formatBytes(info.textBytes)} of text; space ${info.space.model} (${info.space.dim} values)`,
  );
  if (info.tuned) print(`search tuned by ${info.tuned.queries} queries: ${tunedWeights(info.tuned)}`);
  if (info.substrings) print(substringsLine(info.substrings, rows));
  for (const { folder, count, codes } of info.skipped ?? [])
    print(
      `skipped in ${folder}: ${count} (${Object.entries(codes)
        .map((one) => one.join(" "))
        .join(", ")})`,
    );
  for (const reason of info.substrings?.refused ?? []) print(`  ${reason}`);
  const ofBudget = rows.filter((row) => row.tier === "ram" && row.share !== undefined);
  const beside = rows.filter((row) => row.tier === "ram" && row.share === undefined);
  showRows("ram", ofBudget, `of ${formatBytes(info.budgetBytes)} budget`);
  showRows("ram", beside, "beside the budget");
  for (const tier of ["disk", "remote"])
    showRows(
      tier,
      rows.filter((row) => row.tier === tier),
      share,
    );
}

function showRows(tier: string, rows: readonly StatsRow[], against: string): void {
  if (rows.length === 0) return;
  const here = [...rows].sort((a, b) => b.bytes - a.bytes);
  const total = here.reduce((sum, row) => sum + row.bytes, 0);
  print(`\n${bold(tier)}  ${formatBytes(total)} ${against}`);
  print(table(here.map((row) => [`  ${row.structure}`, formatBytes(row.bytes), bar(row.bytes / total)])));
}

function bar(share: number): string {
  return dim("#".repeat(Math.max(1, Math.round(share * BAR))));
}

function showVectors(one: VectorExplanation): void {
  const filled = one.isActive ? "" : ", being filled in";
  print(`\n${bold("vectors")}  ${one.space.model} (${one.space.dim} values)${filled}: ${one.kind}`);
  print(`  ${one.reason}`);
  const used = Object.entries(one.searchedBy).map(([kind, passages]) => `${passages} passages by ${kind}`);
  if (used.length > 0) print(`  now ${formatBytes(one.heldBytes)}: ${used.join(", ")}`);
  const line = ({ kind, bytes, ms, fits }: VectorEstimate): string[] => [
    `  ${kind}`,
    formatBytes(bytes),
    `about ${ms.toFixed(2)} ms`,
    fits ? "" : "does not fit",
  ];
  print(table([one, ...one.alternatives].map(line)));
  for (const reason of [...one.refused, ...one.scanned]) print(`  ${reason}`);
}

/** What labels are worth of each kind and dimension, the most first, where that was learnt. */
function showCube(tuned: MemoryInfo["tuned"]): void {
  if (tuned?.cube === undefined || typeof tuned.cube === "number") return;
  const { fused, share, kinds, dimensions } = tuned.cube;
  print(
    `\n${bold("cube")}  labels weigh as ${tuned.queries} queries taught, where one that a single passage has counts 1`,
  );
  print(`  words and meaning ${fused.toFixed(2)}, the cube's share of its best passage ${share.toFixed(2)}`);
  for (const [title, weights] of Object.entries({ kinds, dimensions }))
    print(`  ${title}: ${weightsLine(weights)}`);
}

function weightsLine(weights: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(weights).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, weight]) => `${name} ${weight.toFixed(2)}`).join(", ");
}

function showSkipped({ folder, at, count, named }: NonNullable<MemoryInfo["skipped"]>[number]): void {
  print(`\n${bold("skipped")}  ${folder}, ${new Date(at).toISOString().slice(0, 16)}`);
  for (const { code, reason } of named) print(`  [${code}] ${reason}`);
  if (count > named.length) print(`  and ${count - named.length} more`);
}

function substringsLine(
  { indexedBytes, scannedBytes }: NonNullable<MemoryInfo["substrings"]>,
  rows: readonly StatsRow[],
): string {
  const onDisk = rows.filter(({ structure, tier }) => tier !== "ram" && structure.startsWith("substrings:"));
  const bytes = onDisk.reduce((sum, row) => sum + row.bytes, 0);
  const share = indexedBytes > 0 ? `, ${Math.round((100 * bytes) / indexedBytes)}% of them` : "";
  return `substrings of ${formatBytes(indexedBytes)} indexed in ${formatBytes(bytes)}${share}; ${formatBytes(scannedBytes)} are read through`;
}
