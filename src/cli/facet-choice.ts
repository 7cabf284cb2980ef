/** Choices of labels as a command line writes them. */
import { MnemeError } from "../errors.ts";
import type { FacetChoice } from "../memory/types.ts";

/** "location = Florida | Texas; date = 2017". @throws MnemeError ARGUMENT */
export function parseFacets(text: string): FacetChoice {
  const choice: Record<string, string[]> = {};
  for (const part of text.split(";")) {
    if (part.trim() === "") continue;
    const at = part.indexOf("=");
    const [dimension, values] = [part.slice(0, Math.max(0, at)).trim(), part.slice(at + 1)];
    const labels = values
      .split("|")
      .map((value) => value.trim())
      .filter((value) => value !== "");
    if (dimension === "" || labels.length === 0)
      throw new MnemeError(
        "ARGUMENT",
        `--facets: ${JSON.stringify(part.trim())} is no choice; write 'location = Florida | Texas; date = 2017'`,
      );
    choice[dimension] = [...(choice[dimension] ?? []), ...labels];
  }
  return choice;
}
