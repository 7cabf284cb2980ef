/** What a thread remembers between its tasks. */
import { expect, test, vi } from "vitest";
import { bundledEmbedder } from "../../embed/bundled.ts";
import { newSpaceEntry } from "../spaces.ts";
import { perform } from "./work.ts";

vi.mock(import("../../embed/bundled.ts"), async (original) => {
  const bundled = await original();
  return { ...bundled, bundledEmbedder: vi.fn(bundled.bundledEmbedder) };
});

test("an embedder that could not be loaded is loaded by the next task", async () => {
  const space = newSpaceEntry(1, await bundledEmbedder({ dim: 64 }));
  const task = { kind: "vectors", passages: ["tea"], space, embedder: { bundledDim: 64 } } as const;
  vi.mocked(bundledEmbedder).mockRejectedValueOnce(new Error("too many open files"));
  await expect(perform(task)).rejects.toThrow("too many open files");
  expect((await perform(task)).size).toBeGreaterThan(0);
  const calls = vi.mocked(bundledEmbedder).mock.calls.length;
  await perform(task);
  expect(vi.mocked(bundledEmbedder)).toHaveBeenCalledTimes(calls);
});
