/** A library as a store whose size is studied (eval/scaling): searched as it is, or its passages coded otherwise. */
import type { Codec } from "../codecs/codec.ts";
import type { Embedder } from "../embed/embedder.ts";
import { throwIfAborted } from "../errors.ts";
import { codedStore, type Datastore, type Found, type Shard, type TextOf } from "../eval/scaling/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import type { Memory, SearchQuery } from "./types.ts";
import { prepareItem } from "./writer/prepare.ts";

export interface LibraryStoreOptions {
  /**
   * Default "meaning": it alone scores a passage without a look at the others. Words weigh by how rare they are in the whole library, so
   * that thinned lists are close to those of smaller libraries, not equal.
   */
  readonly retriever?: NonNullable<SearchQuery["retriever"]>;
  /** Of a query before it is searched. */
  readonly rewrite?: (query: string) => string;
}

/** Hits of a page. */
const PAGE = 1000;

/** A document is an item, its text the passage that was found, its bytes its share of the library's by length of text. */
export async function libraryStore(memory: Memory, options: LibraryStoreOptions = {}): Promise<Shard> {
  const { retriever = "meaning", rewrite = (query: string) => query } = options;
  const { diskBytes, textBytes, space } = memory.info();
  const documents: { id: string; bytes: number }[] = [];
  const share = diskBytes / Math.max(1, textBytes);
  for await (const { id, bytes } of memory.list()) documents.push({ id, bytes: bytes * share });
  return {
    documents,
    space: [space.model, space.revision, space.pooling, space.dim].join(" "),
    async retrieve(query, depth, signal) {
      const found: PassageFound[] = [];
      for (let cursor: string | undefined; ; ) {
        const k = Math.min(PAGE, depth - found.length);
        const page = await memory.search(rewrite(query), {
          k,
          retriever,
          snippet: 0,
          ...(cursor === undefined ? {} : { cursor }),
          ...(signal ? { signal } : {}),
        });
        for (const { id, score, place } of page.hits) found.push({ id, score, place });
        cursor = page.next;
        if (cursor === undefined || found.length >= depth) return found;
      }
    },
    text: passageText(memory),
  };
}

/** The passage of a document that was found. */
interface PassageFound extends Found {
  readonly place: { readonly start: number; readonly end: number };
}

function passageText(memory: Memory): TextOf {
  return async (found) => {
    const text = (await memory.get(found.id))?.text;
    if (text === undefined || !("place" in found)) return text;
    const { start, end } = (found as PassageFound).place;
    return text.slice(start, end);
  };
}

/** All passages of a library with their vectors, made anew: libraries keep theirs coded. */
export interface LibraryVectors {
  readonly ids: readonly string[];
  readonly documentOf: Uint32Array;
  readonly vectors: Matrix;
}

const BATCH = 256;

/** @throws MnemeError CANCELLED */
export async function libraryVectors(
  memory: Memory,
  embedder: Embedder,
  options: { readonly signal?: AbortSignal; readonly onDocument?: (done: number) => void } = {},
): Promise<LibraryVectors> {
  const ids: string[] = [];
  const documentOf: number[] = [];
  const pieces: Matrix[] = [];
  let waiting: string[] = [];
  const embed = async (): Promise<void> => {
    if (waiting.length > 0) pieces.push(await embedder.embed(waiting));
    waiting = [];
  };
  for await (const { id } of memory.list()) {
    throwIfAborted(options.signal, "scaling");
    const item = await memory.get(id);
    if (!item) continue;
    for (const passage of prepareItem({ id, title: item.title, text: item.text }, undefined, 0).passages) {
      documentOf.push(ids.length);
      waiting.push(passage);
    }
    ids.push(id);
    if (waiting.length >= BATCH) await embed();
    options.onDocument?.(ids.length);
  }
  await embed();
  const vectors = matrix(documentOf.length, embedder.space.dim);
  let at = 0;
  for (const { data } of pieces) {
    vectors.data.set(data, at);
    at += data.length;
  }
  return { ids, documentOf: Uint32Array.from(documentOf), vectors };
}

/** The library as it would be with its passages coded by `codec` and scanned whole. Bytes are those of the codes. */
export function codedLibrary(
  memory: Memory,
  embedder: Embedder,
  vectors: LibraryVectors,
  codec: Codec,
): Datastore {
  return codedStore({
    ...vectors,
    coder: codec.fit(vectors.vectors, { seed: 1 }),
    embed: async (query) => (await embedder.embed([query], { role: "query" })).data,
    text: passageText(memory),
  });
}
