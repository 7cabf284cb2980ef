/** Which document is open, and which passage of it is lit. */
import { type Signal, signal } from "@preact/signals";
import type { Place, StoredItem } from "../../../src/memory/types.ts";
import { get, messageOf } from "../api.ts";

export interface Opened {
  readonly id: string;
  readonly title: string;
  /** Absent when the document is opened as a whole. */
  readonly place?: Place;
  /** Words of the query that the passage holds, as they stand in it. */
  readonly terms?: readonly string[];
  readonly item?: StoredItem;
  readonly error?: string;
}

export const opened: Signal<Opened | undefined> = signal(undefined);

let before: HTMLElement | null = null;

/** Opens a document, at a passage when one is given. Focus comes back to where it was on close. */
export async function openReader(
  id: string,
  title: string,
  place?: Place,
  terms: readonly string[] = [],
): Promise<void> {
  if (!opened.value) before = document.activeElement as HTMLElement | null;
  const known = opened.value?.id === id ? opened.value.item : undefined;
  const base = { id, title, terms, ...(place ? { place } : {}) };
  opened.value = known ? { ...base, item: known } : base;
  if (known) return;
  try {
    const item = await get<StoredItem>(`/v1/items/${encodeURIComponent(id)}`);
    if (opened.value?.id === id) opened.value = { ...opened.value, item };
  } catch (error) {
    if (opened.value?.id === id) opened.value = { ...opened.value, error: messageOf(error) };
  }
}

export function closeReader(): void {
  opened.value = undefined;
  before?.focus?.();
  before = null;
}
