/** What holds which bytes, read again every few seconds while one looks. */
import { type Signal, signal } from "@preact/signals";
import type { MemoryInfo, StatsRow } from "../../../src/memory/types.ts";
import { get, messageOf, post, send } from "../api.ts";
import { formatBytes } from "../format.ts";
import { tell, tellError } from "../shell/toasts.tsx";

export interface Holdings {
  readonly info: MemoryInfo;
  readonly rows: readonly StatsRow[];
}

export const holdings: Signal<Holdings | undefined> = signal(undefined);
export const failure: Signal<string | undefined> = signal(undefined);
/** Name of the work under way. */
export const working: Signal<"compact" | "snapshot" | undefined> = signal(undefined);
/** The structure that is pointed at, in picture or table. */
export const pointed: Signal<string | undefined> = signal(undefined);

const EVERY_MS = 3000;

export function followHoldings(): () => void {
  const abort = new AbortController();
  void load(abort.signal);
  const timer = setInterval(() => document.hidden || void load(abort.signal), EVERY_MS);
  return () => {
    clearInterval(timer);
    abort.abort();
  };
}

async function load(signal?: AbortSignal): Promise<void> {
  try {
    const [info, stats] = await Promise.all([
      get<MemoryInfo>("/v1/info", signal),
      get<{ rows: StatsRow[] }>("/v1/stats", signal),
    ]);
    holdings.value = { info, rows: stats.rows };
    failure.value = undefined;
  } catch (error) {
    if (!signal?.aborted) failure.value = messageOf(error);
  }
}

export async function compact(): Promise<void> {
  working.value = "compact";
  try {
    const { bytesBefore, bytesAfter } = await post<{ bytesBefore: number; bytesAfter: number }>(
      "/v1/compact",
      {},
    );
    tell(`${formatBytes(Math.max(0, bytesBefore - bytesAfter))} given back to the disk`);
    await load();
  } catch (error) {
    tellError(error);
  }
  working.value = undefined;
}

export async function downloadSnapshot(): Promise<void> {
  working.value = "snapshot";
  try {
    const blob = await (await send("GET", "/v1/snapshot")).blob();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "library.snapshot";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    tellError(error);
  }
  working.value = undefined;
}

/** The room a structure belongs to: "vectors: codes" is of vectors. */
export function roomOf({ structure }: StatsRow): string {
  return structure.split(/[:/]/)[0]!.trim();
}

/** A colour for each room, by its bytes; space that is only free stays pale. */
export function coloursOf(rows: readonly StatsRow[]): ReadonlyMap<string, string> {
  const bytes = new Map<string, number>();
  for (const row of rows) bytes.set(roomOf(row), (bytes.get(roomOf(row)) ?? 0) + row.bytes);
  const rooms = [...bytes.keys()].filter((room) => !/^free/.test(room)).sort();
  const colours = new Map(rooms.map((room, i) => [room, `hue-${(i % 8) + 1}`]));
  for (const room of bytes.keys()) if (!colours.has(room)) colours.set(room, "hue-free");
  return colours;
}
