/** The door: items and queries are checked here, so that everything behind it trusts its input. */
import { checkDirection, checkLength } from "../codecs/check.ts";
import type { Space } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import type { Meta, MetaValue } from "../index/filter/where.ts";
import { checkSparse } from "../index/sparse/weights.ts";
import { BLOCK_KINDS, type Block } from "./ingest/parsed.ts";
import type { Item } from "./types.ts";
import { parseDate } from "./units.ts";

/** Longest id in UTF-8 bytes: what a key of the store holds. */
export const MAX_ID_BYTES = 512;
/** Longest text in UTF-16 units: below V8's limit with room for copies. */
export const MAX_TEXT_LENGTH = 2 ** 28;
/** Most bytes of data: a segment of a few of them counts its bytes in 32 bits. */
export const MAX_DATA_BYTES = 2 ** 29;

/** @throws MnemeError ARGUMENT, RANGE, DIMENSION, NOT_FINITE, ZERO_VECTOR naming the item and the field. */
export function checkItem(item: Item, space: Space): void {
  if (item === null || typeof item !== "object") {
    throw new MnemeError(
      "ARGUMENT",
      `add: expected an item { id, text }, got ${item === null ? "null" : typeof item}`,
    );
  }
  checkId(item.id, "add");
  if (typeof item.text !== "string") {
    throw new MnemeError(
      "ARGUMENT",
      `add: item ${JSON.stringify(item.id)}: text must be a string, got ${typeof item.text}`,
    );
  }
  if (item.text.length > MAX_TEXT_LENGTH) {
    throw new MnemeError(
      "RANGE",
      `add: item ${JSON.stringify(item.id)}: text of ${item.text.length} characters, at most ${MAX_TEXT_LENGTH}; split it`,
    );
  }
  if (item.data !== undefined) checkData(item);
  if (item.title !== undefined && typeof item.title !== "string") {
    throw new MnemeError("ARGUMENT", `add: item ${JSON.stringify(item.id)}: title must be a string`);
  }
  if (item.meta !== undefined) {
    checkMeta(item.meta, `add: item ${JSON.stringify(item.id)}`);
    checkCopies(item.meta, `add: item ${JSON.stringify(item.id)}: meta`);
  }
  if (item.provenance !== undefined)
    checkProvenance(item.provenance, `add: item ${JSON.stringify(item.id)}: provenance`);
  if (item.blocks !== undefined)
    checkBlocks(item.blocks, item.text.length, `add: item ${JSON.stringify(item.id)}`);
  if (item.firstLine !== undefined && !isCount(item.firstLine, 1)) {
    throw new MnemeError(
      "RANGE",
      `add: item ${JSON.stringify(item.id)}: firstLine must be a whole number from 1, got ${item.firstLine}`,
    );
  }
  if (item.vector !== undefined) checkVector(item.vector, space, `add: item ${JSON.stringify(item.id)}`);
  if (item.sparse !== undefined) checkSparse(item.sparse, `add: item ${JSON.stringify(item.id)}`);
  if (item.expiresAt !== undefined)
    parseDate(item.expiresAt, `add: item ${JSON.stringify(item.id)}: expiresAt`);
}

function checkData({ id, text, data }: Item): void {
  const refuse = (what: string): never => {
    throw new MnemeError("ARGUMENT", `add: item ${JSON.stringify(id)}: ${what}`);
  };
  if (!(data instanceof Uint8Array)) refuse(`data must be a Uint8Array, got ${typeof data}`);
  if (data!.byteLength > MAX_DATA_BYTES)
    throw new MnemeError(
      "RANGE",
      `add: item ${JSON.stringify(id)}: data of ${data!.byteLength} bytes, at most ${MAX_DATA_BYTES}; split it`,
    );
  if (text !== "") refuse("has text and data; an item is one of them, with data its text is empty");
}

/** A surrogate without its other half: written as UTF-8, all of them would become one and the same character. */
const HALF_PAIR = /\p{Surrogate}/u;

/** @throws MnemeError ARGUMENT, RANGE naming the operation */
export function checkId(id: unknown, operation: string): asserts id is string {
  if (typeof id !== "string" || id.length === 0) {
    throw new MnemeError(
      "ARGUMENT",
      `${operation}: an id must be a string of at least one character, got ${JSON.stringify(id)}`,
    );
  }
  if (HALF_PAIR.test(id)) {
    throw new MnemeError(
      "ARGUMENT",
      `${operation}: id ${JSON.stringify(id)} holds half a surrogate pair, which UTF-8 cannot write; cut ids between characters`,
    );
  }
  const bytes = new TextEncoder().encode(id).byteLength;
  if (bytes > MAX_ID_BYTES) {
    throw new MnemeError(
      "RANGE",
      `${operation}: id of ${bytes} bytes, at most ${MAX_ID_BYTES}; use a shorter one`,
    );
  }
}

/** @throws MnemeError ARGUMENT naming the operation and the field. */
export function checkMeta(meta: Meta, operation: string): void {
  if (meta === null || typeof meta !== "object" || Array.isArray(meta))
    throw new MnemeError(
      "ARGUMENT",
      `${operation}: meta must be an object of fields, got ${JSON.stringify(meta)}; write e.g. {"team":"docs"}`,
    );
  for (const [field, value] of Object.entries(meta)) {
    const values: readonly MetaValue[] = Array.isArray(value) ? value : [value];
    if (field.startsWith("$")) {
      throw new MnemeError(
        "ARGUMENT",
        `${operation}: meta field ${JSON.stringify(field)}: names with $ are Mneme's own`,
      );
    }
    for (const one of values) {
      const fine =
        one === null ||
        typeof one === "string" ||
        typeof one === "boolean" ||
        (typeof one === "number" && Number.isFinite(one));
      if (!fine) {
        throw new MnemeError(
          "ARGUMENT",
          `${operation}: meta field ${JSON.stringify(field)} must hold strings, finite numbers, booleans, null or a list of them, got ${typeof one === "number" ? one : typeof one}`,
        );
      }
    }
  }
}

function checkProvenance(provenance: unknown, what: string): void {
  if (provenance === null || typeof provenance !== "object" || Array.isArray(provenance))
    throw new MnemeError(
      "ARGUMENT",
      `${what} must be an object of fields, got ${provenance === null ? "null" : typeof provenance}; write e.g. {"origin":"user"}`,
    );
  for (const [field, value] of Object.entries(provenance))
    if (value !== undefined && typeof value !== "string" && !Number.isFinite(value))
      throw new MnemeError(
        "ARGUMENT",
        `${what} field ${JSON.stringify(field)} must be a string or a finite number, got ${typeof value === "number" ? value : typeof value}`,
      );
  checkCopies(provenance, what);
}

/** What looks like plain values may be guarded by a proxy, which neither the library nor a thread can copy. */
function checkCopies(fields: object, what: string): void {
  const fault = faultOfCopy(fields);
  if (fault === undefined) return;
  const field = Object.entries(fields).find(([, value]) => faultOfCopy(value) !== undefined)?.[0];
  throw new MnemeError(
    "ARGUMENT",
    `${what}${field === undefined ? "" : ` field ${JSON.stringify(field)}`} cannot be copied (${fault}); give plain values`,
  );
}

function faultOfCopy(value: unknown): string | undefined {
  try {
    structuredClone(value);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/** Cutting relies on marks that lie in the text, in its order. */
function checkBlocks(blocks: unknown, length: number, operation: string): void {
  if (!Array.isArray(blocks))
    throw new MnemeError("ARGUMENT", `${operation}: blocks must be a list, got ${typeof blocks}`);
  let before = 0;
  blocks.forEach((block: unknown, i) => {
    const fault = faultOf(block, before, length);
    if (fault) throw new MnemeError("ARGUMENT", `${operation}: blocks[${i}]: ${fault}`);
    before = (block as Block).start;
  });
}

/** What is wrong with a block that follows one at `before`, if anything is. */
function faultOf(block: unknown, before: number, length: number): string | undefined {
  if (block === null || typeof block !== "object")
    return `expected { kind, start, end }, got ${shown(block)}`;
  const { kind, start, end, level, text, page } = block as Record<keyof Block, unknown>;
  if (!BLOCK_KINDS.includes(kind as Block["kind"]))
    return `kind must be one of ${BLOCK_KINDS.join(", ")}, got ${shown(kind)}`;
  if (!isCount(start, 0) || !isCount(end, start) || end > length)
    return `start and end must be whole numbers in the text, 0 <= start <= end <= ${length}, got ${shown(start)} and ${shown(end)}`;
  if (start < before)
    return `starts at ${start}, before the block in front of it, at ${before}; sort them by start`;
  if (level !== undefined && !isCount(level, 1))
    return `level must be a whole number from 1, got ${shown(level)}`;
  if (page !== undefined && !isCount(page, 1))
    return `page must be a whole number from 1, got ${shown(page)}`;
  if (text !== undefined && typeof text !== "string") return `text must be a string, got ${typeof text}`;
  return undefined;
}

function isCount(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? JSON.stringify(value) : typeof value;
}

/** @throws MnemeError DTYPE, DIMENSION, NOT_FINITE, RANGE, ZERO_VECTOR */
export function checkVector(vector: Float32Array, space: Space, operation: string): void {
  if (!(vector instanceof Float32Array)) {
    throw new MnemeError(
      "DTYPE",
      `${operation}: a vector must be a Float32Array; convert it with Float32Array.from`,
    );
  }
  if (vector.length !== space.dim) {
    throw new MnemeError(
      "DIMENSION",
      `${operation}: vector of ${vector.length} values, the library's space ${space.model} has ${space.dim}; embed with that model or reembed the library`,
    );
  }
  let square = 0;
  for (const value of vector) square += value * value;
  if (!Number.isFinite(square)) {
    throw new MnemeError(
      "NOT_FINITE",
      `${operation}: value ${vector.findIndex((v) => !Number.isFinite(v))} of the vector is not a finite number`,
    );
  }
  checkLength(`${operation}: the vector`, square);
  checkDirection(`${operation}: the vector`, square);
}
