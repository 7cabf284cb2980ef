/** How often V8's collector ran: small collections, and those that looked through the whole heap, which take a core for tens of milliseconds. */
import { constants, PerformanceObserver } from "node:perf_hooks";

export interface Collections {
  readonly small: number;
  readonly whole: number;
}

/** Counts from now on. @returns what says how many there were until it is called, once the event loop has turned */
export function countCollections(): () => Promise<Collections> {
  const began = performance.now();
  const seen: { at: number; kind: number }[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
      seen.push({ at: entry.startTime, kind: detail.kind });
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  return async () => {
    const ended = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.disconnect();
    const count = (wanted: number): number =>
      seen.filter(({ at, kind }) => kind === wanted && at >= began && at <= ended).length;
    return {
      small: count(constants.NODE_PERFORMANCE_GC_MINOR),
      whole: count(constants.NODE_PERFORMANCE_GC_MAJOR),
    };
  };
}
