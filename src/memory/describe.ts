/** stats and info: what the library holds, in bytes that are really there. */
import type { Embedder } from "../embed/embedder.ts";
import type { LanguageModel } from "../model/index.ts";
import { FORMAT_VERSION, tunedOf } from "./layout.ts";
import type { Library } from "./library.ts";
import { vectorsPrefix } from "./spaces.ts";
import type { MemoryInfo, StatsRow } from "./types.ts";

/** One row a structure: RAM by claim, disk by kind of part; the model that answers behind the library's own RAM. */
export function libraryStats(
  library: Library,
  embedder: Embedder,
  model: LanguageModel | undefined,
  generativeBytes = 0,
): readonly StatsRow[] {
  const limit = library.budget.limitBytes;
  const ram = [
    ...library.memory().map(({ name, bytes }) => ({ name, bytes })),
    { name: "page cache", bytes: library.cache.bytes },
    { name: "embedder", bytes: embedder.bytes },
    { name: "generative: tokens", bytes: generativeBytes },
  ];
  const rows: StatsRow[] = ram
    .filter(({ bytes }) => bytes > 0)
    .map(({ name, bytes }) => ({ structure: name, tier: "ram", bytes, share: bytes / limit }));
  return [...rows, ...modelRows(model), ...diskRows(library)];
}

/** Not out of the library's budget: the model is borrowed, and has limits of its own. */
function modelRows(model: LanguageModel | undefined): StatsRow[] {
  const { weights = 0, cache = 0, scratch = 0 } = model?.bytes ?? {};
  return Object.entries({ weights, cache, "work space": scratch })
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => ({ structure: `language model: ${name}`, tier: "ram", bytes }));
}

function diskRows(library: Library): StatsRow[] {
  const { tier, bytes: total, freeBytes } = library.store.stats();
  const byRoom = new Map<string, number>();
  for (const { parts } of library.manifest.segments) {
    for (const [part, bytes] of Object.entries(parts)) {
      const room = partName(part);
      byRoom.set(room, (byRoom.get(room) ?? 0) + bytes);
    }
  }
  const known = [...byRoom.values()].reduce((a, b) => a + b, 0);
  byRoom.set("free pages", freeBytes);
  byRoom.set("ids, log and tree", Math.max(0, total - known - freeBytes));
  return [...byRoom].map(([structure, bytes]) => ({ structure, tier, bytes }));
}

/** "items/text.table" -> "items: text" */
function partName(part: string): string {
  const [room, name] = part.split("/") as [string, string | undefined];
  return name === undefined ? room : `${room.replace(/\d+$/, "")}: ${name.split(".")[0]}`;
}

function substringsOf({ segments, substrings, tail }: Library): NonNullable<MemoryInfo["substrings"]> {
  let [indexedBytes, scannedBytes] = [0, tail.items.reduce((sum, { text }) => sum + text.byteLength, 0)];
  for (const { stored, items } of segments) {
    if (substrings.covers(stored.entry.id)) indexedBytes += items.textBytes;
    else scannedBytes += items.textBytes;
  }
  return { indexedBytes, scannedBytes, refused: [...substrings.refused.values()] };
}

export function libraryInfo(library: Library): MemoryInfo {
  const { bytes, freeBytes } = library.store.stats();
  const { manifest, activeSpace } = library;
  const next = manifest.spaces.find((space) => space.id !== manifest.active);
  const passages = library.live.count;
  const tuned = tunedOf(manifest);
  const filled = next
    ? manifest.segments.filter(({ parts }) =>
        Object.keys(parts).some((part) => part.startsWith(vectorsPrefix(next.id))),
      )
    : [];
  const rows = (entries: typeof manifest.segments): number =>
    entries.reduce((sum, entry) => sum + entry.count, 0);
  return {
    location: library.store.location,
    writable: library.store.writable,
    items: library.columns.countItems(library.live),
    passages,
    textBytes:
      library.segments.reduce((sum, { items }) => sum + items.textBytes, 0) +
      library.tail.items.reduce((sum, item) => sum + item.text.byteLength, 0),
    segments: manifest.segments.length,
    tailRows: library.tail.rows,
    ...(library.cube.index
      ? { cube: { dimensions: library.cube.index.dimensions, filed: library.cube.index.size } }
      : {}),
    space: activeSpace.space,
    ...(library.wantsSubstrings ? { substrings: substringsOf(library) } : {}),
    ...(library.skipped.length > 0 ? { skipped: library.skipped } : {}),
    ...(next ? { nextSpace: { ...next.space, done: rows(filled), total: rows(manifest.segments) } } : {}),
    budgetBytes: library.budget.limitBytes,
    usedBytes: library.budget.usedBytes,
    diskBytes: bytes,
    freeBytes,
    generation: library.store.generation(),
    formatVersion: FORMAT_VERSION,
    ...(tuned ? { tuned } : {}),
  };
}
