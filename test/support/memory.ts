/** Test support: folders that go when a file's tests are done, a space that costs nothing, and a few items. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Embedder } from "../../src/embed/embedder.ts";
import type { Hit, Item } from "../../src/index.ts";
import { matrix } from "../../src/linalg/matrix.ts";

/** A folder of this file's own, and free paths in it. */
export function temporaryFolder(): { readonly root: string; path(name?: string): string } {
  const root = mkdtempSync(join(tmpdir(), "mneme-memory-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let counter = 0;
  return { root, path: (name = "library") => join(root, `${name}-${counter++}`) };
}

export function toyEmbedder(model = "toy"): Embedder {
  const axes = ["cat", "ship", "tax"];
  return {
    space: { model, revision: "1", pooling: "external", dim: 3, normalized: true },
    bytes: 0,
    async embed(texts) {
      const out = matrix(texts.length, 3);
      texts.forEach((text, i) => {
        const row = axes.map((axis) => (text.toLowerCase().includes(axis) ? 1 : 0.1));
        const norm = Math.hypot(...row);
        out.data.set(
          row.map((value) => value / norm),
          i * 3,
        );
      });
      return out;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

export const ids = (hits: Iterable<Hit>): string[] => [...hits].map((hit) => hit.id);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export const animals: readonly Item[] = [
  {
    id: "cats",
    text: "# Cats\n\nThe cat sleeps most of the day and hunts at night.",
    meta: { kind: "pet", legs: 4 },
  },
  {
    id: "ships",
    text: "A ship carries cargo over the sea. Its hull is made of steel.",
    meta: { kind: "vehicle", legs: 0 },
  },
  {
    id: "tax",
    text: "Income tax is due in April. The tax office sends a reminder in March.",
    meta: { kind: "law" },
  },
];
