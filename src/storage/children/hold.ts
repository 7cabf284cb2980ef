/** Test child: holds a library open for writing; each line of input is a command. Argument: folder. */
import { createInterface } from "node:readline";
import { lmdbStore } from "../lmdb-store.ts";

const store = await lmdbStore(process.argv[2]!, { lockTimeoutMs: Number(process.argv[3] ?? 0) });
process.stdout.write("open\n");
async function obey(command: string, argument: string): Promise<string> {
  try {
    if (command === "put") await store.batch((b) => b.put("n", ["k"], Buffer.from(argument)));
    if (command === "fill") await store.batch((b) => b.put("n", ["big"], new Uint8Array(Number(argument))));
    if (command === "compact") await store.compact();
    return String(store.generation());
  } catch (error) {
    return String((error as { code?: string }).code ?? error);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command = "", argument = ""] = line.split(" ");
  if (command === "close") break;
  process.stdout.write(`${await obey(command, argument)}\n`);
}
await store.close();
process.stdout.write("closed\n");
