// Compiles each ```ts block of README and docs against the built types, as a reader's compiler would see it. What a block takes as given
// stands in a comment in front of it, which no reader is shown:
//   <!-- given
//   declare const model: Model;
//   -->
// Needs dist/*.d.ts and tools/: it is the last step of `npm run build:types`.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join("build", "snippets");
const BLOCK = /(?:^<!-- given\n([\s\S]*?)^-->\n\s*)?^```ts\n([\s\S]*?)^```$/gm;

const pages = [
  "README.md",
  ...readdirSync("docs", { recursive: true })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

/** All lines but those of the block and of what is given are blank, so that the compiler's line numbers are the page's. */
function moduleOf(page, match) {
  const blank = (text) => text.replaceAll(/[^\n]/g, "");
  const [whole, given = "", code] = match;
  const codeAt = whole.lastIndexOf(code);
  const givenAt = given === "" ? 0 : whole.indexOf(given);
  const between = blank(whole.slice(givenAt + given.length, codeAt));
  return `${blank(page.slice(0, match.index))}${blank(whole.slice(0, givenAt))}${given}${between}${code}export {};\n`;
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
let count = 0;
for (const page of pages) {
  const text = readFileSync(page, "utf8");
  for (const match of text.matchAll(BLOCK))
    writeFileSync(join(folder, `${page.replaceAll(/[\\/]/g, "-")}-${++count}.mts`), moduleOf(text, match));
  const fences = text.match(/^```ts$/gm)?.length ?? 0;
  if (fences !== [...text.matchAll(BLOCK)].length) throw new Error(`${page}: a \`\`\`ts block has no end`);
}
if (count === 0)
  throw new Error("README and docs have no ```ts block: are they looked for in the right way?");
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../test/types/tsconfig.json",
    compilerOptions: { typeRoots: ["../../node_modules/@types"] },
    include: ["*.mts"],
  }),
);
const { status } = spawnSync(
  process.execPath,
  [join("tools", "node_modules", "typescript", "bin", "tsc"), "-p", folder],
  { stdio: "inherit" },
);
if (status === 0) console.log(`${count} snippets of README and docs compile`);
process.exit(status ?? 1);
