/** Keeping what tuning found best with the library; undefined: back to the defaults. */
import type { Manifest } from "../layout.ts";
import type { TunedRecall } from "../recall-plan.ts";
import type { Writer } from "./writer.ts";

export async function keepTuned(writer: Writer, tuned: TunedRecall | undefined): Promise<void> {
  await writer.alone(async () => {
    const { tuned: _, ...old } = writer.library.manifest;
    const manifest: Manifest = { ...old, ...(tuned ? { tuned } : {}) };
    await writer.store.batch((batch) => writer.putManifest(batch, manifest));
    await writer.library.adopt(manifest);
  });
}
