/** Bytes and spans of time as people write them. */
import { MnemeError } from "../errors.ts";

const BYTE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const SPAN_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 36e5,
  d: 864e5,
  w: 6048e5,
  y: 31_557_600_000,
};

/** 256_000_000 or "256MB" (1 MB = 10^6 bytes, 1 MiB = 2^20). @throws MnemeError ARGUMENT */
export function parseBytes(value: number | string, what: string): number {
  const bytes = typeof value === "number" ? value : scaled(value, BYTE_UNITS, "b");
  if (!Number.isFinite(bytes) || bytes <= 0) {
    throw new MnemeError(
      "ARGUMENT",
      `${what}: ${JSON.stringify(value)} is no amount of bytes; write a number or e.g. "256MB"`,
    );
  }
  return Math.round(bytes);
}

/** Milliseconds, or "7d", "12h", "30m", "90s". @throws MnemeError ARGUMENT */
export function parseSpan(value: number | string, what: string): number {
  const ms = typeof value === "number" ? value : scaled(value, SPAN_UNITS, "ms");
  if (!Number.isFinite(ms) || ms < 0) {
    throw new MnemeError(
      "ARGUMENT",
      `${what}: ${JSON.stringify(value)} is no span of time; write milliseconds or e.g. "30d"`,
    );
  }
  return ms;
}

/** As `parseDate`, or a span such as "30d", which counts back from `now`. @throws MnemeError ARGUMENT */
export function parseMoment(value: number | Date | string, what: string, now: number): number {
  if (typeof value === "string" && /^\d+(\.\d+)?\s*(ms|s|m|h|d|w|y)$/i.test(value))
    return now - parseSpan(value, what);
  return parseDate(value, what, ' or a span such as "30d"');
}

/** What Date reads alike everywhere: of "7" or "March 7" it makes days that nobody meant. */
const ISO_DATE = /^\d{4}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** Milliseconds since 1970 from a number, Date or ISO string; a time without a zone is local. @throws MnemeError ARGUMENT */
export function parseDate(value: number | Date | string, what: string, others = ""): number {
  const isDate = typeof value !== "string" || ISO_DATE.test(value);
  const ms = typeof value === "number" ? value : isDate ? new Date(value).getTime() : Number.NaN;
  if (!Number.isFinite(ms))
    throw new MnemeError(
      "ARGUMENT",
      `${what}: ${JSON.stringify(value)} is no date; write milliseconds, an ISO date such as "2030-01-31"${others}`,
    );
  return ms;
}

/** "12.3 MB". The console uses it too: nothing of Node here. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function scaled(text: string, units: Readonly<Record<string, number>>, bare: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const factor = match ? units[(match[2] || bare).toLowerCase()] : undefined;
  return match && factor ? Number(match[1]) * factor : Number.NaN;
}
