/** What every route needs: the memory, the language model where there is one, the reader of uploaded files, the metrics. */
import type { Embedder } from "../embed/embedder.ts";
import type { Item, Memory } from "../memory/types.ts";
import type { LanguageModel } from "../model/index.ts";
import type { KeptSnapshots } from "./kept-snapshots.ts";
import type { Metrics } from "./metrics.ts";

/** Turns an uploaded file into an item, in place of the library's own readers. Throws MnemeError UNREADABLE, UNSUPPORTED ... for what it cannot read. */
export type ReadFile = (name: string, bytes: Uint8Array) => Promise<Item>;

export interface Service {
  readonly memory: Memory;
  readonly metrics: Metrics;
  readonly snapshots: KeptSnapshots;
  readonly readFile?: ReadFile;
  /** Behind /v1/chat/completions and /v1/completions, under its name; under it also in /v1/embeddings, where it gives vectors. */
  readonly model?: {
    readonly name: string;
    readonly model: LanguageModel;
    readonly embedder?: () => Promise<Embedder>;
  };
  /** Most bytes of one uploaded request. */
  readonly maxUploadBytes: number;
}
