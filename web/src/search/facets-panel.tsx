/** Filters at the side: fields and values with their counts. */
import { batch, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatCount } from "../format.ts";
import { dimensions, pick, picked } from "./cube.ts";
import { chosen, facets, toggle } from "./facets.ts";
import { type Retriever, retriever } from "./state.ts";

const RETRIEVERS: readonly (readonly [Retriever, string])[] = [
  ["hybrid", "Both"],
  ["words", "Words"],
  ["meaning", "Meaning"],
];
const FEW = 6;

export function FacetsPanel(): JSX.Element {
  const any = [chosen, picked].some(({ value }) => Object.values(value).some((values) => values.length > 0));
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
      {dimensions.value.map(({ dimension, values }) => (
        <FacetField
          key={`cube ${dimension}`}
          name={dimension}
          values={values}
          picked={picked.value[dimension] ?? []}
          toggle={(value) => pick(dimension, value)}
        />
      ))}
      {facets.value.map(({ field, values }) => (
        <FacetField
          key={field}
          name={field}
          values={values}
          picked={chosen.value[field] ?? []}
          toggle={(value) => toggle(field, value)}
        />
      ))}
      {any && (
        <button
          type="button"
          class="plain"
          onClick={() => {
            batch(() => {
              chosen.value = {};
              picked.value = {};
            });
          }}
        >
          Clear filters
        </button>
      )}
    </section>
  );
}

interface FieldProps {
  readonly name: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly picked: readonly string[];
  readonly toggle: (value: string) => void;
}

function FacetField({ name, values, picked, toggle }: FieldProps): JSX.Element {
  const all = useSignal(false);
  const counts = new Map(values.map(({ value, count }) => [value, count]));
  // Chosen values stay in sight even when nothing has them any more.
  const shown = [...new Set([...picked, ...values.map(({ value }) => value)])];
  const most = values[0]?.count ?? 1;
  return (
    <fieldset class="facet">
      <legend>{name}</legend>
      {shown.slice(0, all.value ? undefined : Math.max(FEW, picked.length)).map((value) => (
        <label key={value}>
          <input type="checkbox" checked={picked.includes(value)} onChange={() => toggle(value)} />
          <span class="value" dir="auto">
            {value || "(empty)"}
          </span>
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
