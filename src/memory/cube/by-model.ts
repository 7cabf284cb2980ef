/** Labels found by a language model: one pass over a text with the dimensions in the prompt. What does not stand in the text is left out. */
import { MnemeError } from "../../errors.ts";
import type { Extractor } from "../../index/cube/index.ts";
import { labelKey } from "../../index/cube/label.ts";
import type { LanguageModel } from "../../model/index.ts";

export const modelExtractorDefaults = {
  /** Characters of a text that the model is shown. */
  shown: 4000,
  maxTokens: 200,
} as const;

/** A longer line is a sentence. */
const LONGEST_LABEL = 80;

export interface ModelExtractorOptions {
  /** What the model is called: another one files a library anew. Default "model". */
  readonly name?: string;
  readonly shown?: number;
  readonly maxTokens?: number;
}

/**
 * Fills dimensions by asking a model, behind the writes. The model is borrowed. @param dimensions as they are to be called in the prompt: "disease"
 * @throws MnemeError ARGUMENT for none; `extract` throws what the model throws
 */
export function modelExtractor(
  model: LanguageModel,
  dimensions: readonly string[],
  options: ModelExtractorOptions = {},
): Extractor {
  const { name = "model", shown, maxTokens } = { ...modelExtractorDefaults, ...options };
  if (dimensions.length === 0)
    throw new MnemeError("ARGUMENT", "cube: a model is asked for no dimension; name at least one");
  return {
    dimensions,
    id: `model ${name} ${dimensions.join(" ")}`,
    isSlow: true,
    async extract(text, { signal } = {}) {
      const content = [
        `Text: ${text.slice(0, shown)}`,
        `List what the text names, a line for each sort, in the text's own words, separated by semicolons:`,
        ...dimensions.map((dimension) => `${dimension}: ...`),
        "Leave a line empty where the text names nothing of the sort. Answer with these lines alone.",
      ].join("\n");
      let written = "";
      const asked = { maxTokens, temperature: 0, ...(signal ? { signal } : {}) };
      for await (const piece of model.chat([{ role: "user", content }], asked))
        if (piece.type === "text") written += piece.text;
      return labelsIn(written, dimensions, text);
    },
  };
}

/** Lines "dimension: label; label" of an answer; labels that the text has, with how often it has them. */
function labelsIn(
  written: string,
  dimensions: readonly string[],
  text: string,
): Record<string, Record<string, number>> {
  const names = new Map(dimensions.map((name) => [name.toLowerCase(), name]));
  const labels: Record<string, Record<string, number>> = {};
  const keyed = ` ${text.split(/\s+/).map(labelKey).join(" ")} `;
  for (const line of written.split("\n")) {
    const at = line.indexOf(":");
    const dimension = names.get(
      line
        .slice(0, Math.max(0, at))
        .replace(/[*\-\s]+/g, " ")
        .trim()
        .toLowerCase(),
    );
    if (dimension === undefined) continue;
    labels[dimension] ??= Object.create(null) as Record<string, number>;
    const ofIt = labels[dimension];
    for (const part of line.slice(at + 1).split(/[;,]/)) {
      const label = part.trim().replace(/^["'*]+|["'*.]+$/g, "");
      const key = labelKey(label);
      const times = key === "" || label.length > LONGEST_LABEL ? 0 : keyed.split(` ${key} `).length - 1;
      if (times > 0) ofIt[label] = times;
    }
  }
  return labels;
}
