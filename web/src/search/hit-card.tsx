/** One hit: where it stands, the passage with its words marked, and why it was found. */
import type { JSX } from "preact";
import type { Hit, Reason } from "../../../src/memory/types.ts";
import { nameOf } from "../format.ts";
import { opened, openReader } from "../reader/state.ts";
import { Crumbs } from "../shell/crumbs.tsx";
import { pick, picked } from "./cube.ts";
import { Marked } from "./marked.tsx";

/** Best score of each retriever among the hits shown: what a full bar means. */
export type BestScores = Readonly<Record<Reason["by"], number>>;

export function bestScores(hits: readonly Hit[]): BestScores {
  const best = { words: 0, sparse: 0, meaning: 0, generative: 0, facets: 0, cube: 0 };
  for (const { reasons } of hits) {
    for (const { by, score } of reasons) best[by] = Math.max(best[by], score);
  }
  return best;
}

export function HitCard({ hit, best }: { readonly hit: Hit; readonly best: BestScores }): JSX.Element {
  const { place } = hit;
  const name = nameOf(hit);
  const isOpen = opened.value?.id === hit.id && opened.value.place?.start === place.start;
  return (
    <li class={isOpen ? "hit open" : "hit"}>
      <article>
        <h2 dir="auto">
          <button
            type="button"
            class="hit-link"
            onClick={() => void openReader(hit.id, name, place, wordsOf(hit))}
            aria-current={isOpen ? "true" : undefined}
          >
            {name}
          </button>
        </h2>
        <Crumbs place={place} title={name}>
          {hit.id !== name && <span class="id">{hit.id}</span>}
        </Crumbs>
        <p class="snippet" dir="auto">
          <Marked text={hit.snippet} ranges={hit.highlights} />
        </p>
        <Reasons reasons={hit.reasons} best={best} />
      </article>
    </li>
  );
}

function wordsOf({ reasons }: Hit): readonly string[] {
  return reasons.find(({ by }) => by === "words")?.terms ?? [];
}

function Reasons({
  reasons,
  best,
}: {
  readonly reasons: readonly Reason[];
  readonly best: BestScores;
}): JSX.Element {
  return (
    <ul class="reasons" aria-label="Why this was found">
      {reasons.map(({ by, rank, score, terms, labels }) => (
        <li key={by} class={`reason ${by}`} title={`${by}: rank ${rank}, score ${score.toPrecision(3)}`}>
          {by !== "facets" && <Bar share={best[by] > 0 ? Math.max(0.06, score / best[by]) : 0} />}
          <span>{NAMES[by]}</span>
          {by !== "facets" && <span class="rank">#{rank}</span>}
          {labels ? <Labels labels={labels} /> : null}
          {!labels && terms && terms.length > 0 && <span class="terms">{terms.slice(0, 4).join(", ")}</span>}
        </li>
      ))}
    </ul>
  );
}

const NAMES: Readonly<Record<Reason["by"], string>> = {
  words: "words",
  sparse: "weights",
  meaning: "meaning",
  generative: "model",
  facets: "filter",
  cube: "filed under",
};

/** What the passage is filed under; a click narrows the search to it. */
function Labels({ labels }: { readonly labels: NonNullable<Reason["labels"]> }): JSX.Element {
  // single words are marked in the snippet
  const named = labels.filter(({ dimension }) => dimension !== "word");
  const shown = new Map(named.map((one) => [`${one.dimension} ${one.label}`, one]));
  return (
    <span class="labels">
      {[...shown].slice(0, 4).map(([key, { dimension, label }]) => (
        <button
          key={key}
          type="button"
          class="label"
          title={`${dimension}: ${label}`}
          aria-label={`Narrow to ${dimension} ${label}`}
          aria-pressed={(picked.value[dimension] ?? []).includes(label)}
          onClick={() => pick(dimension, label)}
        >
          {label}
        </button>
      ))}
    </span>
  );
}

function Bar({ share }: { readonly share: number }): JSX.Element {
  return (
    <svg class="bar" width="34" height="6" aria-hidden="true">
      <rect class="track" width="34" height="6" rx="3" />
      <rect class="amount" width={34 * Math.min(1, share)} height="6" rx="3" />
    </svg>
  );
}
