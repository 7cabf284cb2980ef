/** Files of a model: from a folder, a file: URL or, in browsers, over HTTP. */
import { MnemeError } from "../errors.ts";

/** @param base URL of a folder, ending in a slash. @throws MnemeError NOT_FOUND */
export async function readAsset(name: string, base: URL): Promise<Uint8Array> {
  const url = new URL(name, base);
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return readFile(url).catch((cause: unknown) => {
      throw new MnemeError(
        "NOT_FOUND",
        `${url.pathname}: a file of the model is missing; reinstall the package or name another folder`,
        { cause },
      );
    });
  }
  const response = await fetch(url);
  if (!response.ok)
    throw new MnemeError("NOT_FOUND", `${url}: HTTP ${response.status}; a file of the model is missing`);
  return new Uint8Array(await response.arrayBuffer());
}
