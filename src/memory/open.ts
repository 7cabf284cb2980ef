/** open: a path, a URL or bytes become a Memory. Picks the store, the embedder and the mode; makes a new library when there is none. */
import type { Embedder } from "../embed/embedder.ts";
import { assertSameSpace } from "../embed/space.ts";
import { MnemeError } from "../errors.ts";
import { checkWish } from "../index/vector/plan.ts";
import { Budget } from "../storage/budget.ts";
import type { ReadableStore, Store } from "../storage/store.ts";
import { settleFiling } from "./cube/filing.ts";
import { openDefaults } from "./defaults.ts";
import { encodeJson, FORMAT_VERSION, MANIFEST_KEY, type Manifest, NS } from "./layout.ts";
import { Library } from "./library.ts";
import { LibraryMemory } from "./memory.ts";
import { newSpaceEntry } from "./spaces.ts";
import type { Location, Memory, OpenOptions } from "./types.ts";
import { parseBytes, parseSpan } from "./units.ts";

const MOST_WORKERS = 256;

/**
 * Opens a library, making it when the path is free.
 * @throws MnemeError FORMAT (foreign), CORRUPT (damaged), VERSION, LOCKED (another writer), READ_ONLY, SPACE (another embedder), BUDGET, RANGE (workers).
 */
export async function open(location: Location, options: OpenOptions = {}): Promise<Memory> {
  const budget = new Budget(parseBytes(options.budget ?? openDefaults.budget, "open: budget"));
  const undoWindowMs = parseSpan(options.undoWindow ?? openDefaults.undoWindow, "open: undoWindow");
  checkWorkers(options.workers);
  const vectors = checkWish(options.vectors?.index ?? openDefaults.index);
  const store = await openStore(location, options);
  let opened: AsyncDisposable = store;
  try {
    const embedder = options.embedder ?? (await embedderFor(store, options.embedderOf));
    if (isWritable(store)) await initialise(store, embedder);
    budget.claim("embedder", { bytes: embedder.bytes });
    const filing = await settleFiling(store, options.cube);
    const library = await Library.open(store, budget, {
      threads: options.workers,
      vectors,
      substrings: options.substrings,
      besideBytes: embedder.bytes,
      filing,
    });
    opened = library;
    assertSameSpace(library.activeSpace.space, embedder.space, "open");
    const onWarning = options.onWarning ?? ((message: string) => console.warn(`mneme: ${message}`));
    for (const { refused } of [library.spaceVectors, library.substrings])
      for (const message of refused.values()) onWarning(message);
    library.substrings.onRefused = onWarning;
    const memory = new LibraryMemory(library, embedder, {
      undoWindowMs,
      onWarning,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(options.model ? { model: options.model } : {}),
    });
    opened = memory;
    if (isWritable(store)) await memory.startWriter(store, options.substrings);
    return memory;
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

async function openStore(location: Location, options: OpenOptions): Promise<ReadableStore> {
  if (typeof location !== "string" || /^https?:\/\//.test(location)) {
    const { openSnapshot, sourceOf } = await import("../storage/index.ts");
    return openSnapshot(await sourceOf(location));
  }
  if (location === ":memory:") return (await import("../storage/memory-store.ts")).memoryStore();
  const { openPath } = await import("../storage/open-path.ts");
  return openPath(location, {
    mode: options.mode ?? openDefaults.mode,
    lock: options.lock ?? openDefaults.lock,
    lockTimeoutMs: options.lockTimeoutMs ?? openDefaults.lockTimeoutMs,
    commitThread: options.workers !== 0,
  });
}

/** More than any machine has cores are a slip, and each thread takes tens of megabytes. */
function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 0 && workers <= MOST_WORKERS)) return;
  throw new MnemeError(
    "RANGE",
    `open: workers must be a whole number from 0 to ${MOST_WORKERS}, got ${workers}; as many as the machine has cores are enough`,
  );
}

function isWritable(store: ReadableStore): store is Store {
  return store.writable;
}

/** A new library takes the default dimension; an old one the model and the dimension it was made with. */
async function embedderFor(store: ReadableStore, embedderOf: OpenOptions["embedderOf"]): Promise<Embedder> {
  const { bundledEmbedder } = await import("../embed/bundled.ts");
  const [bytes] = await store.getMany(NS.library, [MANIFEST_KEY]);
  if (!bytes) return bundledEmbedder();
  const { spaces, active } = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
  const stored = spaces?.find((entry) => entry.id === active);
  const space = stored?.space;
  if (stored && embedderOf && stored.space.model !== "mneme-embed") return embedderOf(stored);
  if (space && space.model !== "mneme-embed") {
    throw new MnemeError(
      "SPACE",
      `open: ${store.location} holds vectors of ${space.model} (${space.dim} values); pass that embedder, or reembed the library`,
      { details: { space } },
    );
  }
  return space ? bundledEmbedder({ dim: space.dim as 512 }) : bundledEmbedder();
}

async function initialise(store: Store, embedder: Embedder): Promise<void> {
  if (store.get(NS.library, MANIFEST_KEY)) return;
  const space = newSpaceEntry(1, embedder);
  const manifest: Manifest = {
    format: FORMAT_VERSION,
    createdAt: Date.now(),
    spaces: [space],
    active: 1,
    segments: [],
    nextSegment: 1,
  };
  await store.batch((batch) => batch.put(NS.library, MANIFEST_KEY, encodeJson(manifest)));
}
