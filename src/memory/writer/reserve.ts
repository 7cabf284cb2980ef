/**
 * reserve: the RAM that a change will take, claimed before anything of it is durable. What does not fit is refused as a whole then, and
 * what was acknowledged never has to be: a library that outgrew its budget could not be opened with it again.
 */
import type { Claim } from "../../storage/budget.ts";
import type { Library } from "../library.ts";
import { segmentRam } from "../plan-vectors.ts";
import { READ_ON_DEMAND } from "../stored-segment.ts";
import { sizeOfTailItem } from "../tail.ts";
import { flushTail } from "./flush.ts";
import { mergeIfMany } from "./maintain.ts";
import type { PreparedItem } from "./prepare.ts";
import type { Writer } from "./writer.ts";

/** Of the words index's tail for each byte of text, if no word comes twice: a term of its own for every few letters. */
const TAIL_WORDS = 26;
/** Of the other indexes' tails: a passage's row, an item's metadata. */
const PASSAGE_BYTES = 64;
const ITEM_BYTES = 512;
/** Codes of a vector with so many values, at most; buffers of them begin with room for 64 and double. */
const codeBytes = (dim: number): number => 2 * dim + 64;
const FIRST_CODES = 64;
const SLACK_BYTES = 4096;

/**
 * Give it back when the structures claim what they hold. A tail that stands in the way is flushed first: as a segment it takes far less.
 * @throws MnemeError BUDGET: nothing was written
 */
export async function reserve(writer: Writer, bytes: number): Promise<Claim> {
  const claim = (): Claim => writer.library.budget.claim("add", { bytes });
  try {
    return claim();
  } catch (error) {
    // indexes in RAM that the library can do without give way first
    if (await writer.library.makeRoom(bytes)) return claim();
    const { tail, manifest } = writer.library;
    // a reembed may hold the queue for hours
    if (tail.rows === 0 || manifest.spaces.length > 1) throw error;
    await writer.inBackground(() => flushTail(writer));
    mergeIfMany(writer);
    return claim();
  }
}

/** RAM of a new segment once it is open: the parts that are read whole, its vectors flat. */
export function newSegmentRam(sizes: Readonly<Record<string, number>>, rows: number): number {
  const vectors = Object.keys(sizes).filter(
    (part) => part.startsWith("vectors") && !READ_ON_DEMAND.test(part),
  );
  return vectors.reduce((sum, part) => sum + sizes[part]!, segmentRam(sizes, rows));
}

/** RAM that items will take in the tail, at most. */
export function tailRam(
  { tail, activeSpace }: Library,
  items: readonly PreparedItem[],
  vectors: readonly Float32Array[],
): number {
  const rows = items.reduce((sum, { passages }) => sum + passages.length, 0);
  const codes = codeBytes(activeSpace.space.dim) * (FIRST_CODES + tail.rows + 2 * rows);
  return items.reduce(
    (sum, { text, passages, sparse }, i) => {
      const words = TAIL_WORDS * passages.reduce((letters, passage) => letters + passage.length, 0);
      return (
        sum +
        words +
        sizeOfTailItem({ text, vectors: vectors[i]!, ...(sparse ? { sparse } : {}) }) +
        ITEM_BYTES
      );
    },
    SLACK_BYTES + codes + PASSAGE_BYTES * rows,
  );
}
