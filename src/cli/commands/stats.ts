import type { MemoryInfo, StatsRow } from "../../memory/types.ts";
import { formatBytes } from "../../memory/units.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { withLibrary } from "../library.ts";
import { bold, dim, print, printJson, table } from "../output.ts";

const BAR = 20;

export default command({
  name: "stats",
  summary: "What holds which bytes, against the budget",
  args: libraryArgs,
  examples: [["mneme stats", "bytes by structure and tier"]],
  async run(args) {
    return withLibrary(args, "read", async (memory) => {
      const [info, rows] = [memory.info(), memory.stats()];
      if (args.json) printJson({ ...info, structures: rows });
      else show(info, rows);
      return EXIT.ok;
    });
  },
});

function show(info: MemoryInfo, rows: readonly StatsRow[]): void {
  const share =
    info.textBytes > 0 ? `, ${Math.round((100 * info.diskBytes) / info.textBytes)}% of the text` : "";
  print(bold(info.location));
  print(
    `${info.items} items, ${info.passages} passages, ${formatBytes(info.textBytes)} of text; space ${info.space.model} (${info.space.dim} values)`,
  );
  for (const tier of ["ram", "disk", "remote"] as const) {
    const here = rows.filter((row) => row.tier === tier).sort((a, b) => b.bytes - a.bytes);
    if (here.length === 0) continue;
    const total = here.reduce((sum, row) => sum + row.bytes, 0);
    const against = tier === "ram" ? `of ${formatBytes(info.budgetBytes)} budget` : share;
    print(`\n${bold(tier)}  ${formatBytes(total)} ${against}`);
    print(table(here.map((row) => [`  ${row.structure}`, formatBytes(row.bytes), bar(row.bytes / total)])));
  }
}

function bar(share: number): string {
  return dim("#".repeat(Math.max(1, Math.round(share * BAR))));
}
