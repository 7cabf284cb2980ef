import { storeContract } from "../../test/contract/store.ts";
import { memoryStore } from "./memory-store.ts";

storeContract("memory", { open: async () => memoryStore(), runs: 300 });
