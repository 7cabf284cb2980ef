/** The list of documents, a page at a time, and taking documents out. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ForgetResult, ItemHead } from "../../../src/memory/types.ts";
import { get, messageOf, post } from "../api.ts";
import { formatBytes, plural } from "../format.ts";
import { closeReader, opened } from "../reader/state.ts";
import { tell, tellError } from "../shell/toasts.tsx";

const PAGE = 50;

export const prefix: Signal<string> = signal("");
/** Last ids of the pages before this one. */
const trail: Signal<readonly string[]> = signal([]);
export const page: Signal<{ readonly items: readonly ItemHead[]; readonly next?: string } | undefined> =
  signal(undefined);
export const total: Signal<number> = signal(0);
export const failure: Signal<string | undefined> = signal(undefined);
export const selected: Signal<ReadonlySet<string>> = signal(new Set());
/** Raised by whatever changes the library, so that the list is read again. */
const changes: Signal<number> = signal(0);
export const pageNumber: ReadonlySignal<number> = computed(() => trail.value.length + 1);

/** Documents that wait for a yes, with what a dry run says of them. */
export const doomed: Signal<{ readonly ids: readonly string[]; readonly plan: ForgetResult } | undefined> =
  signal(undefined);

export function followList(): () => void {
  return effect(() => {
    void changes.value;
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (prefix.value) query.set("prefix", prefix.value);
    const after = trail.value.at(-1);
    if (after !== undefined) query.set("after", after);
    const abort = new AbortController();
    void load(query, abort.signal);
    return () => abort.abort();
  });
}

async function load(query: URLSearchParams, signal: AbortSignal): Promise<void> {
  try {
    const [list, info] = await Promise.all([
      get<{ items: ItemHead[]; next?: string }>(`/v1/items?${query}`, signal),
      get<{ items: number }>("/v1/info", signal),
    ]);
    page.value = list;
    total.value = info.items;
    failure.value = undefined;
  } catch (error) {
    if (!signal.aborted) failure.value = messageOf(error);
  }
}

export function refresh(): void {
  changes.value++;
}

export function setPrefix(value: string): void {
  trail.value = [];
  prefix.value = value;
}

export function nextPage(): void {
  if (page.value?.next) trail.value = [...trail.value, page.value.next];
}

export function previousPage(): void {
  trail.value = trail.value.slice(0, -1);
}

export function select(id: string, on: boolean): void {
  const next = new Set(selected.value);
  if (on) next.add(id);
  else next.delete(id);
  selected.value = next;
}

export function selectPage(on: boolean): void {
  selected.value = new Set(on ? page.value?.items.map(({ id }) => id) : []);
}

/** First step of deleting: count. */
export async function planDelete(ids: readonly string[]): Promise<void> {
  try {
    doomed.value = { ids, plan: await post<ForgetResult>("/v1/forget", { ids, dryRun: true }) };
  } catch (error) {
    tellError(error);
  }
}

/** Second step: do it, and offer the way back. */
export async function confirmDelete(): Promise<void> {
  const ids = doomed.value?.ids;
  doomed.value = undefined;
  if (!ids) return;
  try {
    const { items, bytesFreed, undo } = await post<ForgetResult>("/v1/forget", { ids });
    if (opened.value && ids.includes(opened.value.id)) closeReader();
    selected.value = new Set();
    refresh();
    const text = `${plural(items, "document")} forgotten, ${formatBytes(bytesFreed)} to be freed`;
    tell(text, undo ? { action: { label: "Undo", run: () => void undoDelete(undo) } } : {});
  } catch (error) {
    tellError(error);
  }
}

async function undoDelete(token: string): Promise<void> {
  try {
    const { items } = await post<{ items: number }>("/v1/undo", { token });
    refresh();
    tell(`${plural(items, "document")} back in the library`);
  } catch (error) {
    tellError(error);
  }
}
