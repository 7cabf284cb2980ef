// The demo: indexes the Markdown and the TypeScript that `npm ci` brought, answers three questions, shows the bytes, ends by itself.
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatBytes, open } from "../dist/index.js";

const QUESTIONS = [
  "How do I enable CORS for a single route?",
  "How do I check that a path matches a glob pattern?",
  "How do I convert a DOCX document to HTML?",
];
/** Questions are asked of the documentation; the sources only have to be there. */
const filter = { extension: "md" };

const folder = join(tmpdir(), `mneme-demo-${process.pid}.mneme`);
const documents = fileURLToPath(new URL("../node_modules", import.meta.url));
const started = performance.now();

const memory = await open(folder, { budget: "128MB" });
try {
  console.log(`Indexing Markdown and TypeScript under ${documents} ...`);
  const result = await memory.index(documents, {
    include: ["**/*.{md,ts,mts}"],
    onProgress: ({ done, total }) => process.stdout.isTTY && process.stdout.write(`\r  ${done}/${total}`),
  });
  if (process.stdout.isTTY) process.stdout.write("\r");
  await memory.idle();
  console.log(
    `  ${result.added} documents, ${result.passages} passages, ${formatBytes(result.bytes)} in ${(result.ms / 1000).toFixed(1)} s\n`,
  );

  for (const question of QUESTIONS) {
    const { hits, ms } = await memory.search(question, { k: 3, filter });
    console.log(`? ${question}   (${ms.toFixed(1)} ms)`);
    for (const hit of hits)
      console.log(
        `    ${hit.score.toFixed(2)}  ${hit.id}:${hit.place.line}  ${hit.snippet.replace(/\s+/g, " ").slice(0, 90)}`,
      );
    let answer = "";
    for await (const part of memory.ask(question, { sentences: 2, filter }))
      if (part.type !== "done") answer += part.text;
    console.log(`  = ${answer.replace(/\s+/g, " ").trim() || "(no answer found)"}\n`);
  }

  const info = memory.info();
  console.table(
    memory.stats().map(({ structure, tier, bytes, share }) => ({
      structure,
      tier,
      size: formatBytes(bytes),
      "of budget": share === undefined ? "" : `${(100 * share).toFixed(1)}%`,
    })),
  );
  console.log(
    `RAM ${formatBytes(info.usedBytes)} of a budget of ${formatBytes(info.budgetBytes)}; disk ${formatBytes(info.diskBytes)} for ${formatBytes(info.textBytes)} of text.`,
  );
  console.log(
    `Done in ${((performance.now() - started) / 1000).toFixed(1)} s. Try: npx mneme index ./docs && npx mneme serve`,
  );
} finally {
  await memory.close();
  rmSync(folder, { recursive: true, force: true });
}
