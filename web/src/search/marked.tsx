/** Text with ranges of it marked. */
import type { JSX } from "preact";

export interface MarkedProps {
  readonly text: string;
  /** UTF-16 ranges, in order, not overlapping. */
  readonly ranges: readonly (readonly [number, number])[];
}

export function Marked({ text, ranges }: MarkedProps): JSX.Element {
  const parts: JSX.Element[] = [];
  let done = 0;
  for (const [start, end] of ranges) {
    if (start < done) continue;
    parts.push(
      <span key={done}>{text.slice(done, start)}</span>,
      <mark key={`m${start}`}>{text.slice(start, end)}</mark>,
    );
    done = end;
  }
  return (
    <>
      {parts}
      {text.slice(done)}
    </>
  );
}
