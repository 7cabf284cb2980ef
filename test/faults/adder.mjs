// A writer that a test kills: does the operations of its standard input on a library, one after the other, and says when each begins and
// when each is durable. What is slow to load is loaded before "ready", so that the next writer can start while the test looks around.
import { createInterface } from "node:readline";
import "lmdb";
import { bundledEmbedder } from "../../dist/embed/index.js";
import { open } from "../../dist/index.js";

const embedder = await bundledEmbedder();
let memory;

for await (const line of createInterface({ input: process.stdin })) {
  const { number, path, index = "graph", adds = [], forget, verb } = JSON.parse(line);
  say("begin", number);
  // two thousand passages are a graph's least
  const vectors = { index };
  if (path) memory = await open(path, { embedder, workers: 0, undoWindow: "2s", vectors });
  await Promise.all(adds.map((items) => memory.add(items)));
  if (forget) await memory.forget(forget);
  if (verb) await memory[verb]();
  say("done", number);
}

function say(what, number) {
  process.stdout.write(`${what} ${number}\n`);
}
