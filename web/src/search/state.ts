/** What is searched for and what was found. Typing waits a moment, and a newer search cancels an older one. */
import { effect, type Signal, signal } from "@preact/signals";
import type { Hit, SearchQuery } from "../../../src/memory/types.ts";
import { messageOf, post } from "../api.ts";
import { here, noteParams } from "../route.ts";
import { choiceOf, loadDimensions, picked } from "./cube.ts";
import { type Chosen, chosen, filterOf, loadFacets } from "./facets.ts";

export type Retriever = NonNullable<SearchQuery["retriever"]>;

export interface Found {
  readonly query: string;
  readonly hits: readonly Hit[];
  readonly next?: string;
  readonly ms: number;
  readonly notes: readonly string[];
}

export const query: Signal<string> = signal(here.value.params.get("q") ?? "");
export const retriever: Signal<Retriever> = signal("hybrid");
export const found: Signal<Found | undefined> = signal(undefined);
export const busy: Signal<boolean> = signal(false);
export const failure: Signal<string | undefined> = signal(undefined);

const PAUSE_MS = 110;
/** Counts follow the results. */
const FACETS_PAUSE_MS = 250;
const PAGE = 20;

/** Runs while the view is shown: searches on every change of query, filter or retriever. */
export function followQuery(): () => void {
  const fromAddress = here.value.params.get("f");
  if (fromAddress) chosen.value = parseChosen(fromAddress);
  const labels = here.value.params.get("c");
  if (labels) picked.value = parseChosen(labels);
  const stopAddress = effect(() => {
    const asked = here.value.params.get("q");
    if (here.value.view === "search" && asked !== null) query.value = asked;
  });
  const stopSearch = effect(() => {
    const body = bodyOf();
    noteParams("search", {
      q: query.value,
      f: filterOf(chosen.value) ? JSON.stringify(chosen.value) : "",
      c: choiceOf(picked.value) ? JSON.stringify(picked.value) : "",
    });
    const abort = new AbortController();
    const timer = setTimeout(() => void run(body, abort.signal), found.peek() ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  const stopFacets = effect(() => {
    void chosen.value;
    const abort = new AbortController();
    loadFacets(abort.signal).catch(() => {});
    return () => abort.abort();
  });
  const stopDimensions = effect(() => {
    const [asked, filters] = [query.value.trim(), chosen.value];
    void picked.value;
    const abort = new AbortController();
    const timer = setTimeout(
      () => void loadDimensions(asked, filters, abort.signal).catch(() => {}),
      found.peek() ? FACETS_PAUSE_MS : 0,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  return () => {
    stopAddress();
    stopSearch();
    stopFacets();
    stopDimensions();
  };
}

/** What is no list of texts by name is left out: anybody may have written the address. */
function parseChosen(json: string): Chosen {
  try {
    const given: unknown = JSON.parse(json);
    const lists = Object.entries(given ?? {}).filter(
      ([, values]) => Array.isArray(values) && values.every((value) => typeof value === "string"),
    );
    return Object.fromEntries(lists);
  } catch {
    return {};
  }
}

function bodyOf(): { query: string; k: number } & Pick<SearchQuery, "filter" | "facets" | "retriever"> {
  const filter = filterOf(chosen.value);
  const facets = choiceOf(picked.value);
  return {
    query: query.value.trim(),
    k: PAGE,
    retriever: retriever.value,
    ...(filter ? { filter } : {}),
    ...(facets ? { facets } : {}),
  };
}

async function run(body: ReturnType<typeof bodyOf>, signal: AbortSignal): Promise<void> {
  if (body.query === "") {
    found.value = undefined;
    failure.value = undefined;
    busy.value = false;
    return;
  }
  busy.value = true;
  try {
    found.value = { query: body.query, ...(await post<Omit<Found, "query">>("/v1/search", body, signal)) };
    failure.value = undefined;
  } catch (error) {
    if (signal.aborted) return;
    failure.value = messageOf(error);
  }
  busy.value = false;
}

/** Adds the next page below. */
export async function more(): Promise<void> {
  const first = found.value;
  if (!first?.next || busy.value) return;
  busy.value = true;
  try {
    const page = await post<Omit<Found, "query">>("/v1/search", { ...bodyOf(), cursor: first.next });
    const { next: _, ...before } = first; // the last page has none
    if (found.value === first)
      found.value = { ...before, ...page, ms: first.ms, hits: [...first.hits, ...page.hits] };
  } catch (error) {
    failure.value = messageOf(error);
  }
  busy.value = false;
}
