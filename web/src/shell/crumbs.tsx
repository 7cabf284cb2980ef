/** Where a passage stands: the headings above it, then its line or page. */
import type { ComponentChildren, JSX } from "preact";
import type { Place } from "../../../src/memory/types.ts";

export interface CrumbsProps {
  readonly place: Place;
  /** A heading that only repeats the title is left out. */
  readonly title: string;
  readonly children?: ComponentChildren;
}

export function Crumbs({ place, title, children }: CrumbsProps): JSX.Element {
  const headings = place.headings.filter((name) => name !== title);
  return (
    <span class="crumbs">
      {headings.map((name, i) => {
        // Headings may repeat and never move.
        const key = `${i}${name}`;
        return (
          <span key={key} dir="auto">
            {name}
          </span>
        );
      })}
      <span class="at">{place.page ? `page ${place.page}` : `line ${place.line}`}</span>
      {children}
    </span>
  );
}
