/** Filters at the side: fields and values with their counts. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatCount } from "../format.ts";
import { chosen, type Facet, facets, toggle } from "./facets.ts";
import { type Retriever, retriever } from "./state.ts";

const RETRIEVERS: readonly (readonly [Retriever, string])[] = [
  ["hybrid", "Both"],
  ["words", "Words"],
  ["meaning", "Meaning"],
];
const FEW = 6;

export function FacetsPanel(): JSX.Element {
  const any = Object.values(chosen.value).some((values) => values.length > 0);
  return (
    <section class="facets" aria-label="Filters" id="filters">
      <fieldset class="segmented">
        <legend>Search by</legend>
        {RETRIEVERS.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="retriever"
              checked={retriever.value === value}
              onChange={() => {
                retriever.value = value;
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      {facets.value.map((facet) => (
        <FacetField key={facet.field} facet={facet} />
      ))}
      {any && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            chosen.value = {};
          }}
        >
          Clear filters
        </button>
      )}
    </section>
  );
}

function FacetField({ facet: { field, values } }: { readonly facet: Facet }): JSX.Element {
  const all = useSignal(false);
  const picked = chosen.value[field] ?? [];
  const counts = new Map(values.map(({ value, count }) => [value, count]));
  // Chosen values stay in sight even when nothing has them any more.
  const shown = [...new Set([...picked, ...values.map(({ value }) => value)])];
  const most = values[0]?.count ?? 1;
  return (
    <fieldset class="facet">
      <legend>{field}</legend>
      {shown.slice(0, all.value ? undefined : Math.max(FEW, picked.length)).map((value) => (
        <label key={value}>
          <input type="checkbox" checked={picked.includes(value)} onChange={() => toggle(field, value)} />
          <span class="value">{value || "(empty)"}</span>
          <span class="count">{formatCount(counts.get(value) ?? 0)}</span>
          <svg class="share" aria-hidden="true" preserveAspectRatio="none" viewBox="0 0 100 2">
            <rect width={(100 * (counts.get(value) ?? 0)) / most} height="2" />
          </svg>
        </label>
      ))}
      {shown.length > FEW && (
        <button
          type="button"
          class="plain small"
          onClick={() => {
            all.value = !all.value;
          }}
        >
          {all.value ? "Fewer" : `${shown.length - FEW} more`}
        </button>
      )}
    </fieldset>
  );
}
