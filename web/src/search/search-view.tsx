/** Search as one types. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { formatMs, plural } from "../format.ts";
import { Icon } from "../shell/icons.tsx";
import { moveFocus } from "../shell/keys.ts";
import { picked } from "./cube.ts";
import { chosen } from "./facets.ts";
import { FacetsPanel } from "./facets-panel.tsx";
import { bestScores, HitCard } from "./hit-card.tsx";
import { busy, failure, followQuery, found, more, query } from "./state.ts";
import { Welcome } from "./welcome.tsx";

export function SearchView(): JSX.Element {
  useEffect(followQuery, []);
  const filtersShown = useSignal(false);
  const filters = chosenCount();
  const blank = query.value.trim() === "";
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows move among the buttons inside
    <div
      class={`search ${blank ? "blank" : ""} ${filtersShown.value ? "filters-shown" : ""}`}
      onKeyDown={onArrows}
    >
      <h1 class="visually-hidden">Search</h1>
      <div class="field-row">
        <SearchField />
        {!blank && (
          <button
            type="button"
            class="filters-toggle"
            aria-expanded={filtersShown.value}
            aria-controls="filters"
            onClick={() => {
              filtersShown.value = !filtersShown.value;
            }}
          >
            <Icon name="filter" />
            <span class="visually-hidden">Filters</span>
            {filters > 0 && <b>{filters}</b>}
          </button>
        )}
      </div>
      {blank ? (
        <Welcome />
      ) : (
        <div class="search-body">
          <FacetsPanel />
          <Results />
        </div>
      )}
    </div>
  );
}

/** Filters of fields and labels of the cube that are chosen. */
function chosenCount(): number {
  const all = [...Object.values(chosen.value), ...Object.values(picked.value)];
  return all.reduce((sum, values) => sum + values.length, 0);
}

function SearchField(): JSX.Element {
  return (
    <search class={busy.value ? "big-field busy" : "big-field"}>
      <Icon name="search" />
      <input
        data-main-field
        type="search"
        dir="auto"
        aria-label="Search the library"
        placeholder="Search the library"
        autocomplete="off"
        spellcheck={false}
        enterkeyhint="search"
        autofocus
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || query.value === "") return;
          event.preventDefault();
          query.value = "";
        }}
      />
      <span class="key" aria-hidden="true">
        /
      </span>
    </search>
  );
}

function onArrows(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : undefined;
  const target = event.target as HTMLElement;
  if (!step || target.matches("input:not([data-main-field])")) return;
  if (target.matches("[data-main-field]") && step === -1) return;
  const first = document.querySelector(".hit-link");
  if (step === -1 && document.activeElement === first)
    document.querySelector<HTMLElement>("[data-main-field]")?.focus();
  else moveFocus(".hit-link", step);
  event.preventDefault();
}

function Results(): JSX.Element {
  const result = found.value;
  return (
    <section class="results" aria-label="Results" aria-busy={busy.value} data-query={result?.query}>
      <p class="summary" role="status">
        {failure.value
          ? ""
          : result
            ? summaryOf(result.hits.length, result.next !== undefined, result.ms)
            : " "}
      </p>
      {failure.value && <p class="failure">{failure.value}</p>}
      {result && (
        <>
          {result.notes.map((note) => (
            <p class="note" key={note}>
              {note}
            </p>
          ))}
          {result.hits.length === 0 && <NothingFound />}
          <ol class={busy.value ? "hits stale" : "hits"}>
            {result.hits.map((hit) => (
              <HitCard key={`${hit.id}#${hit.passage}`} hit={hit} best={bestScores(result.hits)} />
            ))}
          </ol>
          {result.next && (
            <button type="button" class="more" onClick={() => void more()} disabled={busy.value}>
              More results
            </button>
          )}
        </>
      )}
    </section>
  );
}

function summaryOf(hits: number, hasMore: boolean, ms: number): string {
  if (hits === 0) return `Nothing in ${formatMs(ms)}`;
  return `${hasMore ? "First " : ""}${plural(hits, "document")} in ${formatMs(ms)}`;
}

function NothingFound(): JSX.Element {
  const filtered = chosenCount() > 0;
  return (
    <div class="empty">
      <p>No passage speaks of this{filtered ? " under these filters" : ""}.</p>
      <p class="muted">
        {filtered
          ? "Take a filter away, or search by meaning alone."
          : "Try other words: meaning is searched too, so a description will do."}
      </p>
    </div>
  );
}
