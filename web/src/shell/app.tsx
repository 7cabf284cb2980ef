/** The shell: navigation, the view one is in, the reading pane beside it, and what floats above: help, token, messages. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { AskView } from "../ask/ask-view.tsx";
import { LibraryView } from "../library/library-view.tsx";
import { MemoryView } from "../memory/memory-view.tsx";
import { Reader } from "../reader/reader.tsx";
import { opened } from "../reader/state.ts";
import { followAddress, here, type View } from "../route.ts";
import { SearchView } from "../search/search-view.tsx";
import { followTheme } from "../theme.ts";
import { Boundary } from "./boundary.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import { followKeys } from "./keys.ts";
import { Navigation } from "./navigation.tsx";
import { Toasts } from "./toasts.tsx";
import { TokenDialog } from "./token-dialog.tsx";

const VIEW: Readonly<Record<View, () => JSX.Element>> = {
  search: SearchView,
  ask: AskView,
  library: LibraryView,
  memory: MemoryView,
};

export function App(): JSX.Element {
  useEffect(() => {
    const stops = [followAddress(), followTheme(), followKeys()];
    return () => {
      for (const stop of stops) stop();
    };
  }, []);
  const { view } = here.value;
  const Current = VIEW[view];
  useEffect(() => {
    document.title = `${view[0]!.toUpperCase()}${view.slice(1)} · Mneme`;
  }, [view]);
  return (
    <div class={opened.value ? "shell reading" : "shell"}>
      {/* biome-ignore lint/a11y/useValidAnchor: it moves within the page; the address holds the view */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to content
      </a>
      <Navigation />
      <main id="main" tabIndex={-1} class={`view view-${view}`}>
        <Boundary key={view}>
          <Current />
        </Boundary>
      </main>
      <Reader />
      <HelpDialog />
      <TokenDialog />
      <Toasts />
    </div>
  );
}
