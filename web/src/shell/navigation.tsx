/** The four views, the theme and help. A rail at the side; a bar at the foot of narrow screens. */
import type { JSX } from "preact";
import { go, here, VIEWS, type View } from "../route.ts";
import { query } from "../search/state.ts";
import { nextTheme, theme } from "../theme.ts";
import { helpOpen } from "./help-dialog.tsx";
import { Icon, Mark } from "./icons.tsx";

const LABEL: Readonly<Record<View, string>> = {
  search: "Search",
  ask: "Ask",
  library: "Library",
  memory: "Memory",
};

export function Navigation(): JSX.Element {
  const { view } = here.value;
  return (
    <header class="rail">
      <button type="button" class="brand" onClick={start} aria-label="Mneme, start">
        <Mark />
        <span aria-hidden="true">mneme</span>
      </button>
      <nav aria-label="Views">
        <ul>
          {VIEWS.map((name) => (
            <li key={name}>
              <a href={`#/${name}`} aria-current={name === view ? "page" : undefined}>
                <Icon name={name} />
                <span>{LABEL[name]}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="rail-foot">
        <button
          type="button"
          class="quiet"
          onClick={nextTheme}
          aria-label={`Theme: ${theme.value}`}
          title={`Theme: ${theme.value}`}
        >
          <Icon name={theme.value} />
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            helpOpen.value = true;
          }}
          aria-label="Keyboard help"
          title="Keyboard help (?)"
        >
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}

/** The blank page that one began with. */
function start(): void {
  query.value = "";
  go("search");
}
