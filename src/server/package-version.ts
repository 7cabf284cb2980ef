/** The version of this package, as its package.json says. */
import { readFileSync } from "node:fs";
import { packageRoot } from "../built-file.ts";

let version: string | undefined;

export function packageVersion(): string {
  version ??= readVersion();
  return version;
}

function readVersion(): string {
  const json = readFileSync(new URL("package.json", packageRoot(import.meta.url)), "utf8");
  return (JSON.parse(json) as { version: string }).version;
}
