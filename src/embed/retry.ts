/** Waiting before a request is tried again (RFC 9110, 10.2.3: Retry-After). */

/** Longest wait that an endpoint may ask for. */
export const MAX_RETRY_WAIT_MS = 60_000;

/** Milliseconds that a Retry-After header asks for, seconds or a date, at most MAX_RETRY_WAIT_MS; undefined when it says nothing. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  // an HTTP date begins with a day's name; Date.parse would take much else for a date
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1000
    : /^[A-Z][a-z]+,/.test(text)
      ? Date.parse(text) - now
      : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_WAIT_MS);
}

/** Resolves after so many milliseconds, or as soon as the signal fires. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
