/** What commands print: text for people, JSON for programs; errors on standard error. */
import { isMnemeError } from "../errors.ts";

// a reader such as `head` may leave before all is written
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const colours = process.stdout.isTTY && !process.env.NO_COLOR;

const wrap =
  (open: number, close: number) =>
  (text: string): string =>
    colours ? `\u001b[${open}m${text}\u001b[${close}m` : text;

export const bold: (text: string) => string = wrap(1, 22);
export const dim: (text: string) => string = wrap(2, 22);
export const accent: (text: string) => string = wrap(36, 39);
export const mark: (text: string) => string = wrap(33, 39);

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string, quiet: boolean | undefined): void {
  if (!quiet) process.stderr.write(`${line}\n`);
}

/** One line for people; with --json an object on standard output so that pipes see it. */
export function fail(error: unknown, json: boolean): void {
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const known = isMnemeError(error);
    printJson({
      error: { code: known ? error.code : "INTERNAL", message, details: known ? error.details : {} },
    });
  }
  process.stderr.write(`mneme: ${isMnemeError(error) ? `[${error.code}] ` : ""}${message}\n`);
  if (!isMnemeError(error) && error instanceof Error && process.env.MNEME_DEBUG)
    process.stderr.write(`${error.stack}\n`);
}

/** "1 item", "2 items" */
export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** Text with the ranges marked. */
export function highlight(text: string, ranges: readonly (readonly [number, number])[]): string {
  let out = "";
  let at = 0;
  for (const [start, end] of ranges) {
    out += text.slice(at, start) + mark(text.slice(start, end));
    at = end;
  }
  return out + text.slice(at);
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, i) =>
          typeof cell === "number" ? String(cell).padStart(widths[i]!) : String(cell).padEnd(widths[i]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
