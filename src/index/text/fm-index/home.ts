/** Where the shards of an index live. The list of them changes in one step: what is written but not listed is not there. */
import { type ByteSource, memorySource } from "../../../storage/byte-source.ts";
import type { Settings } from "./options.ts";
import type { ByteSink } from "./write-shard.ts";

/** A shard that is being written. */
export interface NewShard extends ByteSink {
  /** Makes the bytes durable. @returns its name */
  finish(): Promise<string>;
  /** Removes what was written. */
  abandon(): void;
}

export interface Home {
  /** What messages call it. */
  readonly location: string;
  readonly settings: Settings;
  /** Names of the shards, in order of their documents. */
  readonly shards: readonly string[];
  /** Takes the home for writing and reads what is listed now. @returns what lets it go. @throws MnemeError LOCKED, EXISTS */
  lock(timeoutMs: number): Promise<() => void>;
  create(): NewShard;
  open(name: string): Promise<ByteSource>;
  /** Makes these the shards. */
  commit(shards: readonly string[]): Promise<void>;
  /** Removes the bytes of shards that are no longer listed and no longer open. */
  remove(names: readonly string[]): void;
}

/** Shards in RAM. */
export function memoryHome(settings: Settings): Home {
  const files = new Map<string, Uint8Array>();
  let listed: readonly string[] = [];
  let made = 0;
  return {
    location: "fm-index in memory",
    settings,
    get shards() {
      return listed;
    },
    lock: async () => () => {},
    create() {
      const pieces: Uint8Array[] = [];
      return {
        write: (bytes) => void pieces.push(bytes.slice()),
        finish: async () => {
          const name = `shard ${made++}`;
          files.set(name, new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
          return name;
        },
        abandon: () => {},
      };
    },
    open: async (name) => memorySource(files.get(name)!, name),
    commit: async (shards) => {
      listed = shards;
    },
    remove: (names) => {
      for (const name of names) files.delete(name);
    },
  };
}
