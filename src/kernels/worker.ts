/** A pool's thread: sleeps until the generation changes, runs its slot, counts itself done. */
import { parentPort, workerData } from "node:worker_threads";
import { KERNEL_NAMES, link } from "./module.ts";
import { DONE, FAILED, GENERATION, SLOT_WORDS, SLOTS } from "./pool.ts";

interface Start {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly control: number;
  readonly number: number;
}

/** Turns before sleeping: about as long as a wake-up costs. */
const SPINS = 5_000;

const { memory, module, control, number } = workerData as Start;
const exports = link(module, memory);
const words = new Int32Array(memory.buffer, control, SLOTS + (number + 1) * SLOT_WORDS);
const slot = SLOTS + number * SLOT_WORDS;

let generation = Atomics.load(words, GENERATION);
parentPort!.postMessage("ready");
for (;;) {
  for (let spin = 0; spin < SPINS && Atomics.load(words, GENERATION) === generation; spin++);
  while (Atomics.load(words, GENERATION) === generation) Atomics.wait(words, GENERATION, generation);
  generation = Atomics.load(words, GENERATION);
  const count = words[slot + 1]!;
  // pointers beyond 2 GiB are negative in the slot; the kernels take them as unsigned all the same
  const args = Array.from(words.subarray(slot + 2, slot + 2 + count));
  try {
    if (args[2]! > 0) exports[KERNEL_NAMES[words[slot]!]!](...args);
  } catch {
    Atomics.store(words, FAILED, 1);
  }
  Atomics.add(words, DONE, 1);
  Atomics.notify(words, DONE);
}
