/** What is being taken in, file by file. */
import type { JSX } from "preact";
import { formatBytes, plural } from "../format.ts";
import { Icon } from "../shell/icons.tsx";
import { clearUploads, type Upload, uploadSummary, uploads } from "./upload.ts";

/** More rows than this are only counted. */
const MOST_ROWS = 60;

export function UploadsPanel(): JSX.Element | null {
  const rows = uploads.value;
  if (rows.length === 0) return null;
  const { done, skipped, all } = uploadSummary.value;
  // What went wrong first, then what is under way: those are what one looks for.
  const order: Record<Upload["state"], number> = { skipped: 0, sending: 1, reading: 1, waiting: 2, done: 3 };
  const sorted = [...rows].sort((a, b) => order[a.state] - order[b.state]);
  return (
    <section class="uploads" aria-label="Uploads">
      <header>
        <p role="status">
          {done + skipped < all
            ? `Taking in ${done + skipped + 1} of ${all}`
            : `${plural(done, "file")} taken in`}
          {skipped > 0 && `, ${skipped} skipped`}
        </p>
        {done + skipped === all && (
          <button type="button" class="plain" onClick={clearUploads}>
            Clear
          </button>
        )}
      </header>
      <ul>
        {sorted.slice(0, MOST_ROWS).map((row) => (
          <UploadRow key={row.key} row={row} />
        ))}
      </ul>
      {rows.length > MOST_ROWS && <p class="muted fine">and {rows.length - MOST_ROWS} more</p>}
    </section>
  );
}

const SAYS: Readonly<Record<Upload["state"], string>> = {
  waiting: "waiting",
  sending: "sending",
  reading: "reading",
  done: "done",
  skipped: "skipped",
};

function UploadRow({ row }: { readonly row: Upload }): JSX.Element {
  const { name, bytes, state, sent, note } = row;
  const share = state === "sending" ? sent * 0.7 : state === "reading" ? 0.85 : state === "waiting" ? 0 : 1;
  return (
    <li class={`upload ${state}`}>
      <Icon name={state === "done" ? "check" : state === "skipped" ? "warn" : "upload"} />
      <span class="name">{name}</span>
      <span class="size">{formatBytes(bytes)}</span>
      <span class="note">{note || SAYS[state]}</span>
      {state !== "done" && state !== "skipped" && (
        <progress value={share} max={1} aria-label={`Progress of ${name}`} />
      )}
    </li>
  );
}
