/** Where one is: the view and its parameters, kept in the address so that links and the back button work. */
import { type Signal, signal } from "@preact/signals";

export const VIEWS = ["search", "ask", "library", "memory"] as const;
export type View = (typeof VIEWS)[number];

export interface Place {
  readonly view: View;
  readonly params: URLSearchParams;
}

export const here: Signal<Place> = signal(parse(location.hash));

function parse(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const view = VIEWS.find((name) => name === path) ?? "search";
  return { view, params: new URLSearchParams(query) };
}

export function followAddress(): () => void {
  const onChange = (): void => {
    here.value = parse(location.hash);
  };
  addEventListener("hashchange", onChange);
  return () => removeEventListener("hashchange", onChange);
}

export function go(view: View): void {
  location.hash = `#/${view}`;
}

/** Rewrites the parameters without a new step in the history: used while one types. */
export function noteParams(view: View, params: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "")).toString();
  history.replaceState(null, "", `#/${view}${query ? `?${query}` : ""}`);
}
