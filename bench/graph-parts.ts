/** Parts of an index in one file, and where each lies in a second one. */
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs";

/** Calls of the system take no more at once. */
const MOST = 2 ** 30;

export function writeParts(parts: ReadonlyMap<string, Uint8Array>, path: string): void {
  const file = openSync(path, "w");
  for (const bytes of parts.values())
    for (let at = 0; at < bytes.length; at += MOST)
      writeSync(file, bytes, at, Math.min(MOST, bytes.length - at));
  closeSync(file);
  writeFileSync(`${path}.json`, JSON.stringify([...parts].map(([name, { length }]) => [name, length])));
}

export function readParts(path: string): Map<string, Uint8Array> {
  const sizes = JSON.parse(readFileSync(`${path}.json`, "utf8")) as [string, number][];
  const file = openSync(path, "r");
  let place = 0;
  const parts = new Map<string, Uint8Array>();
  for (const [name, size] of sizes) {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += MOST) readSync(file, bytes, at, Math.min(MOST, size - at), place + at);
    place += size;
    parts.set(name, bytes);
  }
  closeSync(file);
  return parts;
}
