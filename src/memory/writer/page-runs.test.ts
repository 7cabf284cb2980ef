import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryStore } from "../../storage/memory-store.ts";
import { PAGE_BYTES, readWhole } from "../../storage/pages.ts";
import { NS } from "../layout.ts";
import { cutIntoRuns, joined, writeRun } from "./page-runs.ts";

const content = (length: number, salt: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + salt + (i >> 8)) & 255);

test("parts of any sizes come back from their runs", async () => {
  const sizes = fc.oneof(
    fc.nat(100),
    fc.nat(3 * PAGE_BYTES),
    fc.constant(260 * PAGE_BYTES),
    fc.constant(PAGE_BYTES),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { maxLength: 5 }), fc.nat(5), async (lengths, cut) => {
      const parts = lengths.map((length, i) => [`part${i}`, content(length, i)] as const);
      const paged = joined(cutIntoRuns(new Map(parts.slice(0, cut))), cutIntoRuns(new Map(parts.slice(cut))));
      const store = memoryStore();
      for (const run of paged.runs) {
        expect(run.bytes.byteLength).toBe(run.bytes.buffer.byteLength);
        await store.batch((batch) => writeRun(batch, 7, run));
      }
      for (const [part, bytes] of parts) {
        expect(paged.sizes[part] ?? 0).toBe(bytes.length);
        expect(Buffer.compare(await readWhole(store, NS.segments, [7, part], bytes.length), bytes)).toBe(0);
      }
    }),
    { seed: 6, numRuns: 25 },
  );
});
