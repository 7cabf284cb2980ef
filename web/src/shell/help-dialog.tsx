/** What the keys do. */
import { type Signal, signal } from "@preact/signals";
import type { JSX } from "preact";
import { Dialog } from "./dialog.tsx";

export const helpOpen: Signal<boolean> = signal(false);

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "Go to the search or question field"],
  ["↓ ↑", "Move through results"],
  ["Enter", "Open the passage in its document"],
  ["Esc", "Close the pane, or clear the field"],
  ["1 2 3 4", "Search, Ask, Library, Memory"],
  ["t", "Change the theme"],
  ["?", "This help"],
];

export function HelpDialog(): JSX.Element | null {
  if (!helpOpen.value) return null;
  const close = (): void => {
    helpOpen.value = false;
  };
  return (
    <Dialog label="Keyboard help" onClose={close}>
      <h2>Keyboard</h2>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-foot">
        <button type="button" class="primary" onClick={close}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
