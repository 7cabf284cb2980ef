/** The language model that a command line means: a folder, none, or the bundled one where it is installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { LanguageModel } from "../model/index.ts";

export const modelArg = {
  type: "string",
  valueHint: "folder|none",
  description: "Language model; default: the bundled one where it is installed, else none",
} as const;

/** @param thread whether it gets a thread of its own. @returns undefined for none; the caller closes it */
export async function openLanguageModel(
  flag: string | undefined,
  thread = false,
): Promise<(LanguageModel & AsyncDisposable) | undefined> {
  if (flag === "none") return undefined;
  const { bundledModel, load, loadOnThread } = await import("../model/index.ts");
  const folder = flag ?? bundledModel();
  if (flag === undefined && !existsSync(join(folder, "config.json"))) return undefined;
  return thread ? loadOnThread(folder) : load(folder);
}
