import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "../../test/contract/store.ts";
import { lmdbStore } from "./lmdb-store.ts";
import type { Store } from "./store.ts";

let folder = "";

async function open(commitThread: boolean): Promise<Store> {
  folder = mkdtempSync(join(tmpdir(), "mneme-store-"));
  const store = await lmdbStore(join(folder, "library"), { commitThread });
  if (commitThread) await store.compact(); // starts the thread: the first few small commits would not
  return store;
}

const cleanUp = async (): Promise<void> => rmSync(folder, { recursive: true, force: true });
storeContract("lmdb", { open: () => open(false), cleanUp });
storeContract("lmdb with a commit thread", { open: () => open(true), cleanUp });
