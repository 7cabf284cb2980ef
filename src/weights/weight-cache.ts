/** The folder where converted weights are kept between loads: a file a model and precision, named by a fingerprint. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import type { RegionKind } from "../storage/region-file.ts";
import { RegionFolder } from "../storage/region-folder.ts";

/** Of the tiles of linear-weights.ts; a change of their layout makes it another number, and with it all files anew. */
export const LAYOUT_VERSION = 4;

const SAMPLE_BYTES = 1 << 16;

export const weightCacheDefaults = { budgetBytes: 8e9 } as const;

/** $XDG_CACHE_HOME/mneme/weights, or ~/.cache/mneme/weights. */
export function defaultWeightCache(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "mneme", "weights");
}

/** Of what is converted: the configuration, and name, size, time and a sample of the bytes of each file. */
export function fingerprintOf(files: readonly string[], parts: Readonly<Record<string, unknown>>): string {
  const hash = createHash("sha256").update(JSON.stringify({ layout: LAYOUT_VERSION, ...parts }));
  for (const path of files) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`\n${basename(path)} ${size} ${mtimeMs}\n`);
    const file = openSync(path, "r");
    try {
      const sample = new Uint8Array(Math.min(size, SAMPLE_BYTES));
      for (const share of [0, 0.5, 1]) {
        const count = readSync(file, sample, 0, sample.length, Math.floor((size - sample.length) * share));
        hash.update(sample.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  }
  return hash.digest("hex");
}

/** Files of converted weights. */
export const WEIGHTS: RegionKind = {
  magic: "MNEMEWTS",
  what: "weights",
  remedy: "it is made anew when the model is loaded",
};

export class WeightCache extends RegionFolder {
  constructor(folder: string = defaultWeightCache(), budgetBytes: number = weightCacheDefaults.budgetBytes) {
    super(folder, budgetBytes, WEIGHTS, ".weights");
  }
}
