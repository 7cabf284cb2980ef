import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "../../test/contract/store.ts";
import { lmdbStore } from "./lmdb-store.ts";

let folder = "";
storeContract("lmdb", {
  open: () => {
    folder = mkdtempSync(join(tmpdir(), "mneme-store-"));
    return lmdbStore(join(folder, "library"));
  },
  cleanUp: async () => rmSync(folder, { recursive: true, force: true }),
});
