// A writer that a test kills while shards of substrings are built and merged. Arguments: library, first document, worker threads. Says how
// many documents are durable; compacts now and then, so that whole segments are merged, too.
import { open } from "../../dist/index.js";
import { BATCH, documentOf } from "./shard-text.mjs";

const [path, first, workers] = process.argv.slice(2);
const memory = await open(path, { workers: Number(workers), substrings: true });
const item = (number) => ({ id: `d${number}`, text: "", data: documentOf(number) });
for (let next = Number(first), round = 1; ; round++) {
  await memory.add(Array.from({ length: BATCH }, (_, i) => item(next + i)));
  next += BATCH;
  process.stdout.write(`${next}\n`);
  if (round % 4 === 0) await memory.compact();
  else await new Promise((resolve) => setTimeout(resolve, 20));
}
