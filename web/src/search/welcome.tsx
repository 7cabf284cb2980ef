/** What one sees before searching: what is in here, or how to put something in. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { MemoryInfo } from "../../../src/memory/types.ts";
import { get } from "../api.ts";
import { formatBytes, plural } from "../format.ts";

export function Welcome(): JSX.Element {
  const info = useSignal<MemoryInfo | undefined>(undefined);
  useEffect(() => {
    get<MemoryInfo>("/v1/info").then(
      (value) => {
        info.value = value;
      },
      () => {},
    );
  }, []);
  const library = info.value;
  if (!library) return <div class="welcome" />;
  if (library.items === 0) return <EmptyLibrary />;
  return (
    <div class="welcome">
      <p class="lead">What do you want to remember?</p>
      <p class="muted">
        {plural(library.items, "document")}, {plural(library.passages, "passage")},{" "}
        {formatBytes(library.textBytes)} of text, found by words and by meaning. Nothing leaves this machine.
      </p>
      <a class="meter" href="#/memory">
        <svg width="120" height="6" aria-hidden="true">
          <rect class="track" width="120" height="6" rx="3" />
          <rect
            class="amount"
            width={Math.min(120, (120 * library.usedBytes) / library.budgetBytes)}
            height="6"
            rx="3"
          />
        </svg>
        {formatBytes(library.usedBytes)} of {formatBytes(library.budgetBytes)} RAM in use
      </a>
    </div>
  );
}

function EmptyLibrary(): JSX.Element {
  return (
    <div class="welcome">
      <p class="lead">This memory is still empty.</p>
      <p class="muted">
        Drop documents into the <a href="#/library">library</a>, or index a folder from the command line:
      </p>
      <pre>mneme index ./docs</pre>
    </div>
  );
}
