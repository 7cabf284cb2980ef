// Damages copies of a library, one a line of input, and says what came of opening and reading each. Arguments: sound library, work folder.
// A line: the file's name in the library, "flip" and a byte and a bit, or "cut" and a length.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundledEmbedder } from "../../dist/embed/index.js";
import { open } from "../../dist/index.js";

const [sound, work] = process.argv.slice(2);
const embedder = await bundledEmbedder();
const options = { mode: "read", embedder };
const expected = await readAll(sound);

for await (const line of createInterface({ input: process.stdin })) {
  const [name, how, at, bit] = line.split(" ");
  rmSync(work, { recursive: true, force: true });
  cpSync(sound, work, { recursive: true });
  const path = join(work, name);
  const bytes = readFileSync(path);
  if (how === "flip") bytes[Number(at)] ^= 1 << Number(bit);
  writeFileSync(path, how === "cut" ? bytes.subarray(0, Number(at)) : bytes);
  process.stdout.write(`${JSON.stringify(await outcome(path))}\n`);
}

/** "sound", or the code and message of the first error; "wrong" when something else was read than had been written. */
async function outcome(path) {
  try {
    const found = await readAll(work);
    return { code: JSON.stringify(found) === JSON.stringify(expected) ? "sound" : "wrong", named: true };
  } catch (error) {
    return {
      code: error.code ?? String(error),
      named: error.message.includes(path) || error.message.includes(work),
    };
  }
}

async function readAll(location) {
  const memory = await open(location, options);
  try {
    const all = [];
    for await (const { id } of memory.list()) {
      const { text, meta } = await memory.get(id);
      all.push([id, text, meta]);
    }
    for (const query of ["zebra", "number 7", "crossing"]) {
      const { hits } = await memory.search(query);
      all.push(hits.map(({ id, score, snippet }) => [id, score, snippet]));
    }
    return all;
  } finally {
    await memory.close();
  }
}
