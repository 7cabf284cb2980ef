/** The language model that a command line means: a folder, a file, one of the hub, none, or the bundled one where it is installed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";
import { formatBytes, parseBytes } from "../memory/units.ts";
import type { DownloadProgress, LoadOptions, Model, ModelThread, ThreadOptions } from "../model/index.ts";
import { note } from "./output.ts";

/** How a model is loaded: flags of every command that answers with one. */
export const loadArgs = {
  precision: {
    type: "enum",
    options: ["int8", "int4", "bf16"] as string[],
    default: "int8",
    description: "How the model's weights are kept in RAM",
  },
  cache: {
    type: "string",
    valueHint: "policy",
    description:
      "What stays in the model's cache: int8, f16, f32, lloyd4, affine4, snapkv:1/8, window:512 ..., several joined by +",
  },
  "cache-bytes": {
    type: "string",
    valueHint: "bytes",
    description: 'RAM of all caches together, of requests under way and of texts read before; default "1GB"',
  },
  "weight-cache": {
    type: "string",
    valueHint: "folder|off",
    description:
      'Where converted weights are kept for the next time, or "off"; default: ~/.cache/mneme/weights',
  },
} as const;

export const modelArgs = {
  model: {
    type: "string",
    valueHint: "model|none",
    description:
      "Language model: a folder, a GGUF file, hf:owner/name; default: the bundled one where it is installed, else none",
  },
  ...loadArgs,
} as const;

export interface ModelFlags {
  readonly model?: string | undefined;
  readonly precision?: string | undefined;
  readonly cache?: string | undefined;
  readonly "cache-bytes"?: string | undefined;
  readonly "weight-cache"?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** @returns undefined for none; the caller closes it */
export async function openLanguageModel(flags: ModelFlags, signal: AbortSignal): Promise<Model | undefined> {
  const name = await modelOf(flags);
  if (name === undefined) return undefined;
  const { load } = await import("../model/index.ts");
  return load(name, loadOptions(flags, signal));
}

/** The same on a thread of its own. */
export async function openModelThread(
  flags: ModelFlags,
  signal: AbortSignal,
): Promise<ModelThread | undefined> {
  const name = await modelOf(flags);
  if (name === undefined) return undefined;
  const { loadOnThread } = await import("../model/index.ts");
  return loadOnThread(name, loadOptions(flags, signal));
}

/** The same, where there must be one. */
export async function needLanguageModel(flags: ModelFlags, signal: AbortSignal): Promise<Model> {
  const model = await openLanguageModel(flags, signal);
  if (model) return model;
  throw new MnemeError(
    "ARGUMENT",
    "no language model; name its folder, its file or hf:owner/name with --model",
  );
}

async function modelOf({ model }: ModelFlags): Promise<string | undefined> {
  if (model === "none") return undefined;
  const { bundledModel } = await import("../model/index.ts");
  const folder = model ?? bundledModel();
  return model === undefined && !existsSync(join(folder, "config.json")) ? undefined : folder;
}

function loadOptions(flags: ModelFlags, signal: AbortSignal): ThreadOptions {
  const { "weight-cache": weightCache, "cache-bytes": cacheBytes } = flags;
  return {
    ...(flags.precision === undefined
      ? {}
      : { precision: flags.precision as NonNullable<LoadOptions["precision"]> }),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    ...(cacheBytes === undefined ? {} : { cacheBytes: parseBytes(cacheBytes, "--cache-bytes") }),
    ...(weightCache === undefined ? {} : { weightCache: weightCache === "off" ? false : weightCache }),
    ...(flags.quiet || flags.json ? {} : { onProgress: downloadNotes() }),
    signal,
  };
}

/** A line for each tenth of a file that comes. */
function downloadNotes(): (progress: DownloadProgress) => void {
  let last = "";
  return ({ file, done, total }) => {
    const line = `${file}: ${Math.floor((10 * done) / total) * 10}% of ${formatBytes(total)}`;
    if (line !== last) note(line, false);
    last = line;
  };
}
