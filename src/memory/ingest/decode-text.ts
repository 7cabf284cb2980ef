/** Bytes to text: UTF-8, UTF-16 with a mark, else Windows-1252 when it looks like text at all. What was not plain UTF-8 is said. */
import { MnemeError } from "../../errors.ts";

export interface DecodedText {
  readonly text: string;
  readonly encoding: "utf-8" | "utf-8, repaired" | "utf-16le" | "utf-16be" | "windows-1252";
}

/** Bytes of the beginning looked at to tell text from data. */
export const SAMPLE_BYTES = 8_192;

const strict = new TextDecoder("utf-8", { fatal: true });

/** True when the beginning holds a zero byte (no UTF-16 mark) or many control characters. */
export function looksBinary(bytes: Uint8Array): boolean {
  if (utf16Of(bytes)) return false;
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  let controls = 0;
  for (let i = 0; i < sample.length; i++) {
    const byte = sample[i]!;
    if (byte >= 32) continue;
    if (byte === 0) return true;
    if (byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) controls++;
  }
  return controls > sample.length / 20;
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** @throws MnemeError UNREADABLE naming `name`. */
export function decodeText(bytes: Uint8Array, name: string): DecodedText {
  const utf16 = utf16Of(bytes);
  if (utf16) return { text: new TextDecoder(utf16).decode(bytes), encoding: utf16 };
  if (looksBinary(bytes))
    throw new MnemeError("UNREADABLE", `${name}: data, not text; exclude it or convert it first`, {
      details: { code: "BINARY" },
    });
  try {
    return { text: strict.decode(bytes), encoding: "utf-8" };
  } catch {
    // a few bad bytes in UTF-8 are damage, many are another encoding; either way the item says so
    const lenient = new TextDecoder("utf-8").decode(bytes);
    const bad = lenient.split("\ufffd").length - 1;
    const foreign = lenient.match(/[\u0080-\uffff]/g)?.length ?? 0;
    if (bad * 4 < foreign) return { text: lenient, encoding: "utf-8, repaired" };
    return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "windows-1252" };
  }
}

function utf16Of(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
}
