/** The cube's dimensions beside the results: labels with counts, and those that are chosen. */
import { type Signal, signal } from "@preact/signals";
import type { Facet, FacetChoice } from "../../../src/memory/types.ts";
import { post } from "../api.ts";
import { type Chosen, filterOf } from "./facets.ts";

export const dimensions: Signal<readonly Facet[]> = signal([]);
/** Chosen labels by dimension. */
export const picked: Signal<Chosen> = signal({});

const MOST_VALUES = 20;

/** What is chosen, without dimensions that nothing is chosen of. */
export function choiceOf(choice: Chosen): FacetChoice | undefined {
  const some = Object.entries(choice).filter(([, values]) => values.length > 0);
  return some.length > 0 ? Object.fromEntries(some) : undefined;
}

export function pick(dimension: string, value: string): void {
  const values = picked.value[dimension] ?? [];
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  picked.value = { ...picked.value, [dimension]: next };
}

/** Reads the counts over what the query finds under the filters. Nothing where the library has no cube. */
export async function loadDimensions(query: string, chosen: Chosen, signal: AbortSignal): Promise<void> {
  const [filter, facets] = [filterOf(chosen), choiceOf(picked.value)];
  const body = {
    limit: MOST_VALUES,
    ...(query === "" ? {} : { query }),
    ...(filter ? { filter } : {}),
    ...(facets ? { facets } : {}),
  };
  const answer = await post<{ facets: readonly Facet[] }>("/v1/facets", body, signal);
  dimensions.value = answer.facets.filter(
    ({ dimension, values }) => values.length > 0 || (picked.value[dimension] ?? []).length > 0,
  );
}
