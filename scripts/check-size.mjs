// Small rooms: no file above 600 lines, files above 400 are named, the median stays at 150 or less.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const HARD = 600;
const REVIEW = 400;
const MEDIAN = 150;

const files = execFileSync("git", ["ls-files", "src", "web", "bench"], { encoding: "utf8" })
  .split("\n")
  .filter((name) => /\.(ts|tsx)$/.test(name) && !name.includes(".test."));
const sizes = files
  .map((name) => ({ name, lines: readFileSync(name, "utf8").split("\n").length }))
  .sort((a, b) => b.lines - a.lines);
const median = sizes[sizes.length >> 1]?.lines ?? 0;
for (const { name, lines } of sizes.filter(({ lines }) => lines > REVIEW))
  console.log(`review: ${name} has ${lines} lines`);
console.log(`${sizes.length} files, median ${median} lines, largest ${sizes[0]?.lines} (${sizes[0]?.name})`);
const over = sizes.filter(({ lines }) => lines > HARD);
if (over.length > 0 || median > MEDIAN) {
  for (const { name, lines } of over) console.error(`too long: ${name} has ${lines} lines, at most ${HARD}`);
  if (median > MEDIAN) console.error(`the median file has ${median} lines, at most ${MEDIAN}`);
  process.exit(1);
}
