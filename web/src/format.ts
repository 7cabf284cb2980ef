/** Numbers, sizes and times as people read them. */

export { formatBytes } from "../../src/memory/units.ts";

/** What a document is called: its title, or its id when it has none. */
export function nameOf({ id, title }: { readonly id: string; readonly title: string }): string {
  return title.trim() || id;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)}%`;
}

export function formatMs(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 31_557_600_000],
  ["month", 2_629_800_000],
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "3 days ago" */
export function formatAge(then: number, now: number = Date.now()): string {
  for (const [unit, ms] of STEPS) {
    if (now - then >= ms) return relative.format(-Math.floor((now - then) / ms), unit);
  }
  return "just now";
}
