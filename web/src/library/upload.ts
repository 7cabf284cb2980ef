/** Uploads: one file a request, two at a time, each with its progress and, when it was left out, the reason. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { UploadEvent } from "../../../src/server/routes/upload.ts";
import { askForToken, authHeaders } from "../api.ts";
import type { Picked } from "./dropped.ts";
import { refresh } from "./state.ts";

export interface Upload {
  readonly key: number;
  readonly name: string;
  readonly bytes: number;
  readonly state: "waiting" | "sending" | "reading" | "done" | "skipped";
  /** From 0 to 1 while sending. */
  readonly sent: number;
  /** What came of it: "12 passages", or why it was skipped. */
  readonly note: string;
}

const AT_ONCE = 2;

export const uploads: Signal<readonly Upload[]> = signal([]);
export const uploadSummary: ReadonlySignal<{ done: number; skipped: number; all: number }> = computed(() => {
  const count = (state: Upload["state"]): number =>
    uploads.value.filter((upload) => upload.state === state).length;
  return { done: count("done"), skipped: count("skipped"), all: uploads.value.length };
});

const waiting: { readonly key: number; readonly picked: Picked }[] = [];
let running = 0;
let lastKey = 0;

export function upload(files: readonly Picked[]): void {
  const fresh = files.map((picked) => ({ key: ++lastKey, picked }));
  waiting.push(...fresh);
  const rows = fresh.map(
    ({ key, picked: { name, file } }): Upload => ({
      key,
      name,
      bytes: file.size,
      state: "waiting",
      sent: 0,
      note: "",
    }),
  );
  uploads.value = [...rows, ...uploads.value];
  while (running < AT_ONCE && waiting.length > 0) void work();
}

export function clearUploads(): void {
  uploads.value = uploads.value.filter(({ state }) => state !== "done" && state !== "skipped");
}

async function work(): Promise<void> {
  running++;
  for (let next = waiting.shift(); next; next = waiting.shift()) await sendOne(next.key, next.picked);
  running--;
  if (running === 0) refresh();
}

function change(key: number, next: Partial<Upload>): void {
  uploads.value = uploads.value.map((row) => (row.key === key ? { ...row, ...next } : row));
}

async function sendOne(key: number, picked: Picked): Promise<void> {
  change(key, { state: "sending" });
  const status = await request(key, picked);
  if (status !== 401) return;
  await askForToken();
  await sendOne(key, picked);
}

/** XMLHttpRequest, as fetch does not tell how much it has sent. Resolves with the status. */
function request(key: number, { name, file }: Picked): Promise<number> {
  return new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    let read = 0;
    const readEvents = (): void => {
      const end = xhr.responseText.lastIndexOf("\n") + 1;
      for (const line of xhr.responseText.slice(read, end).split("\n")) {
        if (line) note(key, JSON.parse(line) as UploadEvent | ErrorEvent);
      }
      read = Math.max(read, end);
    };
    xhr.upload.onprogress = ({ loaded, total }) => change(key, { sent: total > 0 ? loaded / total : 0 });
    xhr.upload.onload = () => change(key, { sent: 1, state: "reading" });
    xhr.onprogress = () => xhr.status === 200 && readEvents();
    xhr.onload = () => {
      if (xhr.status === 200) readEvents();
      else if (xhr.status !== 401) change(key, { state: "skipped", note: refusal(xhr) });
      resolve(xhr.status);
    };
    xhr.onerror = () => {
      change(key, { state: "skipped", note: "The connection broke; try again" });
      resolve(0);
    };
    xhr.open("POST", "/v1/upload");
    for (const [header, value] of Object.entries(authHeaders())) xhr.setRequestHeader(header, value);
    xhr.setRequestHeader("accept", "application/x-ndjson");
    const form = new FormData();
    form.append("file", file, name);
    xhr.send(form);
  });
}

interface ErrorEvent {
  readonly type: "error";
  readonly error: { readonly message: string };
}

function note(key: number, event: UploadEvent | ErrorEvent): void {
  if (event.type === "file") {
    const passages = `${event.passages} ${event.passages === 1 ? "passage" : "passages"}`;
    change(key, {
      state: "done",
      note: event.outcome === "unchanged" ? "already known" : `${event.outcome}, ${passages}`,
    });
  }
  if (event.type === "skipped") change(key, { state: "skipped", note: event.reason });
  if (event.type === "error") change(key, { state: "skipped", note: event.error.message });
}

function refusal(xhr: XMLHttpRequest): string {
  try {
    return (JSON.parse(xhr.responseText) as { error: { message: string } }).error.message;
  } catch {
    return `The server answered ${xhr.status}`;
  }
}
