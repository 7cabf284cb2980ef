/** Which bytes a Range header asks for (RFC 9110, 14.2). One range is answered; of several, or of a broken header, the whole is. */

/** First and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** @returns undefined for the whole; "unsatisfiable" where none of the bytes asked for is there */
export function byteRange(header: string | null, size: number): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "");
  if (!match) return undefined;
  const [from, to] = [match[1]!, match[2]!];
  if (from === "" && to === "") return undefined;
  if (from === "") {
    const length = Math.min(size, Number(to));
    return length > 0 ? { first: size - length, last: size - 1 } : "unsatisfiable";
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return undefined;
  if (first >= size) return "unsatisfiable";
  return { first, last: to === "" ? size - 1 : Math.min(size - 1, Number(to)) };
}
