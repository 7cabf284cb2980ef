/** What `count` and `locate` are asked for. */
import type { ArgsDef } from "citty";
import { MnemeError } from "../errors.ts";

export const exactArgs = {
  text: { type: "positional", description: "What is looked for", required: false },
  hex: { type: "string", valueHint: "digits", description: "Bytes instead of a text, two digits each" },
  "ignore-case": { type: "boolean", alias: "i", default: false, description: "A is a" },
  where: { type: "string", alias: "w", valueHint: "filter", description: "Only items that match" },
} as const satisfies ArgsDef;

/** @throws MnemeError ARGUMENT */
export function exactText(words: readonly string[], hex: string | undefined): string | Uint8Array {
  if (hex === undefined) {
    if (words.length === 0) throw new MnemeError("ARGUMENT", "give a text, or bytes with --hex");
    return words.join(" ");
  }
  if (words.length > 0) throw new MnemeError("ARGUMENT", "give a text or --hex, not both");
  const digits = hex.replace(/\s/g, "");
  if (!/^([\da-f]{2})+$/i.test(digits))
    throw new MnemeError("ARGUMENT", `--hex: ${JSON.stringify(hex)} is not pairs of hexadecimal digits`);
  return Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}
