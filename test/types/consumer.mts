/** What a user's compiler sees: compiled against the emitted declarations, never run. */
import { type Hit, MnemeError, open } from "mneme";
import { rabitq } from "mneme/codecs";
import { bundledEmbedder, type Embedder } from "mneme/embed";
import { createServer } from "mneme/server";

const embedder: Embedder = await bundledEmbedder({ dim: 256 });
const memory = await open(":memory:", { budget: "64MB", embedder });
const hits: readonly Hit[] = (await memory.search("x", { k: 3, filter: { year: { gte: 2020 } } })).hits;
const codec: string = rabitq({ bits: 1 }).id;
// @ts-expect-error a number is no place
await open(5);
console.log(hits.length, codec, MnemeError, createServer(memory).app);
