/** The door: items and queries are checked here, so that everything behind it trusts its input. */
import type { Space } from "../embed/embedder.ts";
import { MnemeError } from "../errors.ts";
import type { Meta, MetaValue } from "../index/filter/where.ts";
import type { Item } from "./types.ts";
import { parseMoment } from "./units.ts";

/** Longest id in UTF-8 bytes: what a key of the store holds. */
export const MAX_ID_BYTES = 512;
/** Longest text in UTF-16 units: below V8's limit with room for copies. */
export const MAX_TEXT_LENGTH = 2 ** 28;

/** @throws MnemeError ARGUMENT, RANGE, DIMENSION, NOT_FINITE, ZERO_VECTOR naming the item and the field. */
export function checkItem(item: Item, space: Space, now: number): void {
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
  if (item.title !== undefined && typeof item.title !== "string") {
    throw new MnemeError("ARGUMENT", `add: item ${JSON.stringify(item.id)}: title must be a string`);
  }
  if (item.meta !== undefined) checkMeta(item.id, item.meta);
  if (item.vector !== undefined) checkVector(item.vector, space, `add: item ${JSON.stringify(item.id)}`);
  if (item.expiresAt !== undefined)
    parseMoment(item.expiresAt, `add: item ${JSON.stringify(item.id)}: expiresAt`, now);
}

export function checkId(id: unknown, operation: string): asserts id is string {
  if (typeof id !== "string" || id.length === 0) {
    throw new MnemeError(
      "ARGUMENT",
      `${operation}: an id must be a string of at least one character, got ${JSON.stringify(id)}`,
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

function checkMeta(id: string, meta: Meta): void {
  for (const [field, value] of Object.entries(meta)) {
    const values: readonly MetaValue[] = Array.isArray(value) ? value : [value];
    if (field.startsWith("$")) {
      throw new MnemeError(
        "ARGUMENT",
        `add: item ${JSON.stringify(id)}: meta field ${JSON.stringify(field)}: names with $ are Mneme's own`,
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
          `add: item ${JSON.stringify(id)}: meta field ${JSON.stringify(field)} must hold strings, finite numbers, booleans, null or a list of them, got ${typeof one === "number" ? one : typeof one}`,
        );
      }
    }
  }
}

/** @throws MnemeError DTYPE, DIMENSION, NOT_FINITE, ZERO_VECTOR */
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
  if (square === 0)
    throw new MnemeError("ZERO_VECTOR", `${operation}: a zero vector has no direction; leave vector out`);
}
