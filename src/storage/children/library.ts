/** Test support: a library whose content follows from its seed, and the check that it is all there or refused. */
import { isMnemeError } from "../../errors.ts";
import { lmdbStore } from "../lmdb-store.ts";
import type { Key, Store } from "../store.ts";

/** Numbers in [0, 1) from a linear congruential generator: enough for choosing cases. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Item {
  readonly namespace: string;
  readonly key: Key;
  readonly value: Uint8Array;
}

export function contentOf(key: Key, length: number): Uint8Array {
  const salt = [...JSON.stringify(key)].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 7);
  return Uint8Array.from({ length }, (_, i) => (i * 17 + salt + (i >> 8)) & 255);
}

/** Small records, pages, long keys: enough for branch pages, overflow runs and a list of free pages. */
export async function buildLibrary(folder: string): Promise<Item[]> {
  const items = new Map<string, Item>();
  const store = await lmdbStore(folder);
  const put = (namespace: string, key: Key, length: number): Item => ({
    namespace,
    key,
    value: contentOf(key, length),
  });
  for (let round = 0; round < 4; round++)
    await store.batch((batch) => {
      const add = (item: Item): void => {
        batch.put(item.namespace, item.key, item.value);
        items.set(JSON.stringify([item.namespace, item.key]), item);
      };
      for (let i = round; i < 400; i += 3) add(put("small", ["row", i], (i * 37) % 300));
      for (let i = round; i < 12; i += 2) add(put("pages", ["kv", 3, i], i % 3 ? 65_504 : 9_000));
      for (let i = 0; i < 6; i++) add(put("long", ["x".repeat(200 + 150 * i), round], 100));
    });
  await store.batch((batch) => {
    for (let i = 0; i < 12; i += 4) batch.delete("pages", ["kv", 3, i]);
    for (let i = 0; i < 400; i += 7) batch.delete("small", ["row", i]);
  });
  for (let i = 0; i < 12; i += 4) items.delete(JSON.stringify(["pages", ["kv", 3, i]]));
  for (let i = 0; i < 400; i += 7) items.delete(JSON.stringify(["small", ["row", i]]));
  await store.close();
  return [...items.values()];
}

const REFUSALS = ["CORRUPT", "FORMAT", "VERSION"] as const;

/** The code of a refusal; anything else is thrown on. */
export function refusalOf(error: unknown): string {
  if (REFUSALS.some((code) => isMnemeError(error, code))) return (error as { code: string }).code;
  throw error;
}

/** Every key by itself, then in order: right or refused. @returns how many reads were refused */
export function checkItems(store: Store, items: readonly Item[]): number {
  let refused = 0;
  for (const { namespace, key, value } of items) {
    try {
      const found = store.get(namespace, key);
      if (!found || Buffer.compare(found, value) !== 0)
        throw new Error(`wrong value of ${JSON.stringify(key)}`);
    } catch (error) {
      refusalOf(error);
      refused++;
    }
  }
  for (const namespace of ["small", "pages", "long"]) {
    let count = 0;
    try {
      for (const _ of store.range(namespace)) count++;
      const wanted = items.filter((item) => item.namespace === namespace).length;
      if (count !== wanted) throw new Error(`${namespace}: ${count} entries, ${wanted} were written`);
    } catch (error) {
      refusalOf(error);
      refused++;
    }
  }
  return refused;
}
