/** Test child: holds a library open for reading and says the first byte of one value for each line of input. Argument: folder. */
import { createInterface } from "node:readline";
import { lmdbStore } from "../lmdb-store.ts";

const store = await lmdbStore(process.argv[2]!, { readOnly: true });
const look = (): void => void process.stdout.write(`${store.get("n", ["k"])?.[0]}\n`);
look();
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "close") break;
  look();
}
await store.close();
process.stdout.write("closed\n");
