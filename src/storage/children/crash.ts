/** Test child: commits batch after batch, says so after each, compacts now and then, and waits to be killed. Arguments: folder, "thread" or nothing. */
import { lmdbStore } from "../lmdb-store.ts";
import { fillBatch } from "./crash-plan.ts";

const store = await lmdbStore(process.argv[2]!, { commitThread: process.argv[3] === "thread" });
if (process.argv[3] === "thread") await store.compact(); // starts it
for (let n = store.generation() + 1; ; n++) {
  const done = await store.batch((batch) => fillBatch(batch, n));
  if (done !== n) throw new Error(`batch ${n} made generation ${done}`);
  process.stdout.write(`${n}\n`);
  if (n % 23 === 0) await store.compact();
}
