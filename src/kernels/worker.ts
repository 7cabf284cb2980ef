/** A pool's thread: sleeps until the generation changes, then takes tasks until there are none. */
import { parentPort, workerData } from "node:worker_threads";
import { link } from "./module.ts";
import { ACTIVE, ASLEEP, CONTROL_WORDS, GENERATION, LIST_BYTES, OPEN, takeTasks } from "./pool.ts";
import { ScanList } from "./scan.ts";

interface Start {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** To the pool's room. */
  readonly pointer: number;
}

/**
 * After a fork a thread naps in turns of NAP_MS for a while before it sleeps: it wakes by itself on its own core. Woken by the caller a
 * thread often starts on the caller's core, in the caller's place, where the other cores are those of a virtual machine.
 */
const NAP_MS = 0.05;
const NAPS = 200;

const { memory, module, pointer } = workerData as Start;
const exports = link(module, memory);
const control = new Int32Array(memory.buffer, pointer, CONTROL_WORDS);
const list = new ScanList(memory, pointer + CONTROL_WORDS * 4, LIST_BYTES);

let generation = Atomics.load(control, GENERATION);
parentPort!.postMessage("ready");
for (;;) {
  for (let nap = 0; nap < NAPS && Atomics.load(control, GENERATION) === generation; nap++)
    Atomics.wait(control, GENERATION, generation, NAP_MS);
  Atomics.add(control, ASLEEP, 1);
  while (Atomics.load(control, GENERATION) === generation) Atomics.wait(control, GENERATION, generation);
  Atomics.sub(control, ASLEEP, 1);
  generation = Atomics.load(control, GENERATION);
  // counted first: while the count stands, the list of an open pool stays as it is
  Atomics.add(control, ACTIVE, 1);
  if (Atomics.load(control, OPEN) === 1) takeTasks(control, list, exports);
  Atomics.sub(control, ACTIVE, 1);
  Atomics.notify(control, ACTIVE);
}
