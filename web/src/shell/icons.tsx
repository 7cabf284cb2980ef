/** The console's few icons, drawn in the colour of the text. */
import type { JSX } from "preact";

const PATHS = {
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14Zm5.2 12.2L21 21",
  ask: "M4 5h16v11H9l-5 4V5Zm4 5h8M8 13h5",
  library: "M5 4v16M9 4v16M13 4.5l5.5 15M4 20h16",
  memory: "M4 6h16v4H4zM4 14h9v4H4zM17 14h3v4h-3z",
  close: "M6 6l12 12M18 6 6 18",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  upload: "M12 16V5M7 9.5 12 4.5l5 5M5 19.5h14",
  auto: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z",
  light:
    "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  dark: "M19.5 14A8 8 0 0 1 10 4.5 8 8 0 1 0 19.5 14Z",
  help: "M9.2 9a3 3 0 1 1 4.3 2.7c-1 .5-1.5 1.1-1.5 2.3M12 17.5v.2M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z",
  filter: "M4 6h16M7 12h10M10 18h4",
  check: "M5 12.5 10 17 19 7",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  next: "M9 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
  download: "M12 4.5v11M7 11l5 5 5-5M5 19.5h14",
  warn: "M12 4 2.8 20h18.4L12 4Zm0 6v5M12 17.3v.2",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={PATHS[name]} />
      {name === "auto" && <path class="solid" d="M12 4a8 8 0 0 0 0 16Z" />}
    </svg>
  );
}

/** The mark: a document with one passage lit. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
      <rect x="5" y="6" width="22" height="3" rx="1.5" />
      <rect class="lit" x="5" y="12" width="22" height="7" rx="2" />
      <rect x="5" y="22" width="14" height="3" rx="1.5" />
    </svg>
  );
}
