/** The library: what is in it, what goes in, what goes out. */
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { plural } from "../format.ts";
import { Icon } from "../shell/icons.tsx";
import { tellError } from "../shell/toasts.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { droppedFiles, pickedFiles } from "./dropped.ts";
import { ItemsTable } from "./items-table.tsx";
import {
  failure,
  followList,
  nextPage,
  page,
  pageNumber,
  planDelete,
  prefix,
  previousPage,
  selected,
  setPrefix,
  total,
} from "./state.ts";
import { upload } from "./upload.ts";
import { UploadsPanel } from "./uploads-panel.tsx";

export function LibraryView(): JSX.Element {
  useEffect(followList, []);
  const over = useSignal(false);
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    over.value = false;
    if (event.dataTransfer) droppedFiles(event.dataTransfer).then(upload, tellError);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first
    <div
      class={over.value ? "library over" : "library"}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) over.value = false;
      }}
      onDrop={onDrop}
    >
      <header class="view-head">
        <div>
          <h1>Library</h1>
          <p class="muted">{plural(total.value, "document")}</p>
        </div>
        <AddFiles />
      </header>
      <UploadsPanel />
      <Toolbar />
      {failure.value && <p class="failure">{failure.value}</p>}
      <Items />
      <DeleteDialog />
    </div>
  );
}

function AddFiles(): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  return (
    <div class="add-files">
      <button type="button" class="primary" onClick={() => field.current?.click()}>
        <Icon name="upload" /> Add files
      </button>
      <span class="muted hint">or drop files and folders anywhere here</span>
      <input
        ref={field}
        class="visually-hidden"
        type="file"
        multiple
        tabIndex={-1}
        aria-label="Files to add"
        onChange={(event) => {
          if (event.currentTarget.files) upload(pickedFiles(event.currentTarget.files));
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}

function Toolbar(): JSX.Element {
  const count = selected.value.size;
  return (
    <div class="toolbar">
      <label class="field inline">
        <span class="visually-hidden">Ids that begin with</span>
        <input
          data-main-field
          type="search"
          placeholder="Ids that begin with…"
          value={prefix.value}
          onInput={(event) => setPrefix(event.currentTarget.value)}
        />
      </label>
      {count > 0 && (
        <button type="button" class="danger" onClick={() => void planDelete([...selected.value])}>
          <Icon name="trash" /> Forget {count}
        </button>
      )}
    </div>
  );
}

function Items(): JSX.Element | null {
  const list = page.value;
  if (!list) return null;
  if (list.items.length === 0) {
    return (
      <div class="empty drop-hint">
        <Icon name="upload" />
        <p>{prefix.value ? "No id begins so." : "Drop documents here to remember them."}</p>
        {!prefix.value && (
          <p class="muted">Markdown, text, HTML, PDF, Word, EPUB, code, CSV and JSON are read.</p>
        )}
      </div>
    );
  }
  return (
    <>
      <ItemsTable items={list.items} />
      {(list.next || pageNumber.value > 1) && (
        <nav class="pager" aria-label="Pages">
          <button type="button" onClick={previousPage} disabled={pageNumber.value === 1}>
            <Icon name="back" /> Back
          </button>
          <span>Page {pageNumber.value}</span>
          <button type="button" onClick={nextPage} disabled={!list.next}>
            Next <Icon name="next" />
          </button>
        </nav>
      )}
    </>
  );
}
