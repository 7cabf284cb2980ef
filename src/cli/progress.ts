/** A progress bar with rate and time left; on a pipe, a line every few seconds instead. */
import type { Progress } from "../memory/types.ts";
import { formatBytes } from "../memory/units.ts";

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
const LINE_MS = 5_000;

export interface ProgressView extends Disposable {
  readonly onProgress: (progress: Progress) => void;
}

export function progressView(label: string, quiet: boolean | undefined): ProgressView {
  const stream = process.stderr;
  const started = performance.now();
  // where no bar is drawn, what is done before the first line is due needs none
  let drawn = stream.isTTY ? Number.NEGATIVE_INFINITY : started;
  const onProgress = (progress: Progress): void => {
    const now = performance.now();
    if (quiet || now - drawn < (stream.isTTY ? REDRAW_MS : LINE_MS)) return;
    drawn = now;
    const line = render(label, progress, (now - started) / 1000);
    stream.write(
      stream.isTTY ? `\r\u001b[2K${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}` : `${line}\n`,
    );
  };
  return {
    onProgress,
    [Symbol.dispose]: () => {
      if (!quiet && stream.isTTY && Number.isFinite(drawn)) stream.write("\r\u001b[2K");
    },
  };
}

/** "docs  [=====>    ] 42%  120/300  3.1 MB/s  12 s left  guide.md" */
export function render(label: string, progress: Progress, seconds: number): string {
  const { done, total, bytes, totalBytes } = progress;
  const share = totalBytes > 0 ? bytes / totalBytes : total > 0 ? done / total : 0;
  const filled = Math.round(Math.min(1, share) * BAR_WIDTH);
  const bar = `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`;
  const rate =
    bytes > 0
      ? `${formatBytes(bytes / Math.max(seconds, 1e-3))}/s`
      : `${Math.round(done / Math.max(seconds, 1e-3))}/s`;
  const left = share > 0 && share < 1 ? `${duration((seconds * (1 - share)) / share)} left` : "";
  const count = total > 0 ? `${done}/${total}` : String(done);
  return [
    label,
    progress.phase === label ? "" : progress.phase,
    bar,
    `${Math.floor(share * 100)}%`,
    count,
    rate,
    left,
    progress.current ?? "",
  ]
    .filter(Boolean)
    .join("  ");
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
