/** Vector spaces are equal or they are not; what is not equal is never compared. */
import { MnemeError } from "../errors.ts";
import type { Space } from "./embedder.ts";

const FIELDS = ["model", "revision", "pooling", "dim", "normalized"] as const;

export function sameSpace(a: Space, b: Space): boolean {
  return FIELDS.every((field) => a[field] === b[field]);
}

/** "mneme-embed@1a2b3c (mean, 256 values)" */
export function spaceName({ model, revision, pooling, dim }: Space): string {
  return `${model}@${revision.slice(0, 12)} (${pooling}, ${dim} values)`;
}

/** @throws MnemeError SPACE naming both. */
export function assertSameSpace(stored: Space, given: Space, operation: string): void {
  if (sameSpace(stored, given)) return;
  throw new MnemeError(
    "SPACE",
    `${operation}: the library's vectors are of ${spaceName(stored)}, the embedder makes ${spaceName(given)}; use the library's embedder, or \`reembed\``,
    { details: { stored, given } },
  );
}
