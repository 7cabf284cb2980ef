/**
 * The texts of a segment as shards of an FM-index: parts of the segment, each named by the first text that it holds. They are built
 * without the texts' own bytes, and searched in place.
 */
import { MnemeError } from "../../errors.ts";
import type { ByteSource } from "../../storage/byte-source.ts";
import type { MaybePromise } from "../../storage/store.ts";
import type { Parts } from "../segment.ts";
import { writeDocuments } from "./fm-index/grow.ts";
import { type Home, memoryHome } from "./fm-index/home.ts";
import { settingsOf } from "./fm-index/options.ts";
import { ShardSource } from "./fm-index/shard-source.ts";
import { PIECES, type StoredShard } from "./stored-shards.ts";
import { PIECE_BYTES, PIECE_OVERLAP, type PieceSizes, PieceTable, piecesOf } from "./text-pieces.ts";

/** Nothing is ever extracted: texts are stored beside. */
const NO_INVERSE = 65_536;
/** Building takes about 16 bytes of memory for each byte of a block and 1.5 of a shard. */
export const substringDefaults = {
  blockBytes: 3 << 20,
  shardBytes: 32 << 20,
  pieceBytes: PIECE_BYTES,
  overlapBytes: PIECE_OVERLAP,
} as const;

/** A text that is read a piece at a time. */
export interface TextToShard {
  readonly length: number;
  read(start: number, end: number): MaybePromise<Uint8Array>;
}

export interface SubstringBuildOptions extends Partial<PieceSizes> {
  readonly blockBytes?: number;
  readonly shardBytes?: number;
  readonly signal?: AbortSignal;
  /** How many texts have been taken. */
  readonly onTexts?: (texts: number) => void;
}

/** Shards of texts in their order, and which documents are pieces of one. @throws MnemeError CANCELLED, BUDGET */
export async function buildSubstrings(
  texts: AsyncIterable<TextToShard>,
  { signal, onTexts = () => {}, ...given }: SubstringBuildOptions = {},
): Promise<Parts> {
  const sizes = { ...substringDefaults, ...given };
  const settings = settingsOf({ ...sizes, inverseRate: NO_INVERSE });
  const home = memoryHome(settings);
  const goingOn: number[] = [];
  const documents = cutAll(texts, sizes, goingOn, onTexts);
  const names = await writeDocuments(home, documents, { ...settings, ...(signal ? { signal } : {}) });
  const parts: Parts = new Map();
  let first = 0;
  for (const name of names) {
    const source = await home.open(name);
    parts.set(`shard.${first}`, await source.read(0, source.size));
    first += (await ShardSource.open(source)).header.documents;
  }
  if (goingOn.length > 0) parts.set(PIECES, PieceTable.encode(goingOn));
  return parts;
}

/** Texts as documents. @param goingOn gets the documents that go on with a text, each with its start */
async function* cutAll(
  texts: AsyncIterable<TextToShard>,
  sizes: PieceSizes,
  goingOn: number[],
  onTexts: (texts: number) => void,
): AsyncGenerator<Uint8Array> {
  let [document, done] = [0, 0];
  for await (const { length, read } of texts) {
    for (const [start, end] of piecesOf(length, sizes)) {
      if (start > 0) goingOn.push(document, start);
      yield await read(start, end);
      document++;
    }
    onTexts(++done);
  }
}

/** Where an index finds shards of segments. They are changed by nobody. */
export function shardsHome(shards: readonly StoredShard[]): Home {
  const refused = (): never => {
    throw new MnemeError("UNSUPPORTED", "substrings: shards of a library are changed by its writer only");
  };
  return {
    location: "substrings",
    settings: settingsOf({ ...substringDefaults, inverseRate: NO_INVERSE }),
    shards: shards.map(({ location }) => location),
    lock: async () => refused(),
    create: refused,
    commit: refused,
    remove: refused,
    open: async (name) => sourceOf(shards.find(({ location }) => location === name)!),
  };
}

/** Errors of the store name the shard. */
function sourceOf({ location, part, source }: StoredShard): ByteSource {
  const rethrow = (cause: unknown): never => {
    if (!(cause instanceof MnemeError) || cause.details.location === location) throw cause;
    throw new MnemeError(cause.code, `${location}: ${cause.message}`, {
      cause,
      details: { ...cause.details, location },
    });
  };
  const read = (start: number, length: number): MaybePromise<Uint8Array> => {
    const found = source.read([{ part, start, end: start + length }]);
    return found instanceof Promise ? found.then(([bytes]) => bytes!) : found[0]!;
  };
  return {
    size: source.size(part),
    location,
    read(start, length) {
      try {
        const found = read(start, length);
        return found instanceof Promise ? found.catch(rethrow) : found;
      } catch (error) {
        return rethrow(error);
      }
    },
    close: () => {},
  };
}
