/** Test support: a store that says what happens to it, and fails where a test wants it to. */
import { NS } from "../../src/memory/layout.ts";
import type { Batch, Key, Store } from "../../src/storage/store.ts";

export interface Watch {
  /** Called with what a batch deletes, before it is committed. */
  readonly before?: (deleted: readonly Key[]) => void;
  /** Called with the namespaces and keys that a batch puts, before it is committed. */
  readonly putting?: (put: readonly (readonly [namespace: string, key: Key])[]) => void;
  /** Called once a batch is durable, while its writer waits. */
  readonly after?: () => Promise<void>;
  /** Called when pages are read. */
  readonly reading?: (keys: readonly Key[]) => void;
}

/** The store, with somebody told what happens to it. */
export function watched(store: Store, watch: Watch): Store {
  const batch: Store["batch"] = async (fill, given) => {
    const deleted: Key[] = [];
    const put: (readonly [string, Key])[] = [];
    const noting = (real: Batch): Batch => ({
      put: (namespace, key, value) => {
        put.push([namespace, key]);
        real.put(namespace, key, value);
      },
      delete: (namespace, key) => real.delete(namespace, key),
      deletePrefix: (namespace, prefix) => {
        if (namespace === NS.segments) deleted.push(prefix);
        real.deletePrefix(namespace, prefix);
      },
    });
    const generation = await store.batch((real) => {
      fill(noting(real));
      watch.before?.(deleted);
      watch.putting?.(put);
    }, given);
    await watch.after?.();
    return generation;
  };
  const getMany: Store["getMany"] = (namespace, keys) => {
    if (namespace === NS.segments) watch.reading?.(keys);
    return store.getMany(namespace, keys);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === "batch") return batch;
      if (name === "getMany") return getMany;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
