/** How an index gets its shards: from documents, and from shards that are merged. */
import { MnemeError, throwIfAborted } from "../../../errors.ts";
import { FmMemory } from "../../../kernels/fm.ts";
import { ShardBuilder } from "./build-shard.ts";
import type { Home } from "./home.ts";
import { loadRun, sizeOfShard } from "./load-run.ts";
import { type FmIndexOptions, MOST_DOCUMENT, settingsOf, toBytes } from "./options.ts";
import { ShardSource } from "./shard-source.ts";

export type Documents = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** Writes shards of documents, each of at most `shardBytes` or of one document. @returns their names, not listed yet */
export async function writeDocuments(
  home: Home,
  documents: Documents,
  options: FmIndexOptions,
): Promise<string[]> {
  const names: string[] = [];
  try {
    await writeAll(home, documents, options, names);
  } catch (error) {
    home.remove(names);
    throw error;
  }
  return names;
}

async function writeAll(
  home: Home,
  documents: Documents,
  options: FmIndexOptions,
  names: string[],
): Promise<void> {
  const { signal, onProgress } = options;
  const settings = settingsOf(options);
  const builder = new ShardBuilder({ ...settings, signal });
  let [count, bytes] = [0, 0];
  for await (const document of documents) {
    throwIfAborted(signal, "fm-index build");
    const more = checked(document, count);
    if (builder.documents > 0 && builder.textBytes + more.length > settings.shardBytes)
      names.push(await finishShard(home, builder));
    await builder.add(more);
    count++;
    bytes += more.length;
    onProgress?.({ documents: count, bytes, shards: names.length });
  }
  if (builder.documents > 0) names.push(await finishShard(home, builder));
  onProgress?.({ documents: count, bytes, shards: names.length });
}

function checked(document: string | Uint8Array, number: number): Uint8Array {
  const bytes = toBytes(document, `document ${number}`);
  if (bytes.length <= MOST_DOCUMENT) return bytes;
  throw new MnemeError(
    "RANGE",
    `fm-index build: document ${number} has ${bytes.length} bytes, at most ${MOST_DOCUMENT} are sorted; cut it`,
  );
}

async function finishShard(home: Home, builder: ShardBuilder): Promise<string> {
  const file = home.create();
  try {
    await builder.finish(file);
  } catch (error) {
    file.abandon();
    throw error;
  }
  return file.finish();
}

/** Groups of neighbouring shards that stay within `shardBytes` together; a group of one stays as it is. */
export function planMerge(sizes: readonly number[], shardBytes: number): number[][] {
  const groups: number[][] = [];
  let sum = Number.POSITIVE_INFINITY;
  for (const [i, size] of sizes.entries()) {
    if (sum + size > shardBytes) {
      groups.push([]);
      sum = 0;
    }
    groups.at(-1)!.push(i);
    sum += size;
  }
  return groups;
}

/** Merges groups of a home's shards. @returns the names of all, not listed yet */
export async function mergeShards(
  home: Home,
  groups: readonly (readonly number[])[],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const names: string[] = [];
  const before = home.shards;
  // one for all groups: memories that are no longer used wait for the collector
  const memory = new FmMemory();
  const { top } = memory;
  for (const group of groups) {
    throwIfAborted(signal, "fm-index merge");
    const members = group.map((i) => before[i]!);
    names.push(members.length === 1 ? members[0]! : await mergeGroup(home, members, memory, signal));
    memory.release(top);
  }
  return names;
}

async function mergeGroup(
  home: Home,
  members: readonly string[],
  memory: FmMemory,
  signal: AbortSignal | undefined,
): Promise<string> {
  const builder = new ShardBuilder({ ...home.settings, signal }, memory);
  for (const name of members) {
    const source = await ShardSource.open(await home.open(name));
    try {
      await builder.merge(sizeOfShard(source), source.documents.lengths, (run) =>
        loadRun(memory, source, run),
      );
    } finally {
      await source.close();
    }
  }
  return finishShard(home, builder);
}
