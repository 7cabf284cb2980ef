/** Keeping what tuning and learning found best with the library; undefined: back to the defaults. */
import type { Manifest } from "../layout.ts";
import type { TagSelector } from "../quote-and-tag.ts";
import type { TunedRecall } from "../recall-plan.ts";
import type { Writer } from "./writer.ts";

export async function keepTuned(writer: Writer, tuned: TunedRecall | undefined): Promise<void> {
  await keep(writer, ({ tuned: _, ...old }) => ({ ...old, ...(tuned ? { tuned } : {}) }));
}

/** One selector a field. */
export async function keepTagSelector(
  writer: Writer,
  field: string,
  selector: TagSelector | undefined,
): Promise<void> {
  await keep(writer, ({ tagSelectors = [], ...old }) => {
    const all = [...tagSelectors.filter((one) => one.field !== field), ...(selector ? [selector] : [])];
    return { ...old, ...(all.length > 0 ? { tagSelectors: all } : {}) };
  });
}

async function keep(writer: Writer, renewed: (manifest: Manifest) => Manifest): Promise<void> {
  await writer.alone(async () => {
    const manifest = renewed(writer.library.manifest);
    await writer.store.batch((batch) => writer.putManifest(batch, manifest));
    await writer.library.adopt(manifest);
  });
}
