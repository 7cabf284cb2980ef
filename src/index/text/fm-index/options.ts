/** What an FM-index is built with and what it is opened with. */
import { MnemeError } from "../../../errors.ts";
import type { Fold } from "./build-run.ts";
import { MOST_PATTERN } from "./shard.ts";

export interface FmIndexOptions {
  /** Index ASCII letters without case: patterns are folded alike, and extracted text comes in small letters. Default "none". */
  readonly fold?: Fold;
  /** Bytes of a document from one sample to the next, 1 to 65536: half of it is how far an occurrence is walked. Default 28. */
  readonly sampleRate?: number;
  /** Samples from one whose row is kept to the next: extracting walks up to sampleRate times as many bytes more. Default 16. */
  readonly inverseRate?: number;
  /** Bytes of documents that are merged into a shard at once; takes about 16 bytes of memory each. Default 6 MiB. */
  readonly blockBytes?: number;
  /** Bytes of documents of a shard; merging takes about 2.1 bytes of memory each. Default 64 MiB. */
  readonly shardBytes?: number;
  /** How long to wait for another writer. Default 0: refused at once. */
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FmProgress) => void;
}

export interface FmProgress {
  readonly documents: number;
  readonly bytes: number;
  readonly shards: number;
}

export interface FmOpenOptions {
  /** Bytes of blocks kept in memory, for all shards together. Default 34 MiB. */
  readonly cacheBytes?: number;
}

export interface FmBuildOptions extends FmIndexOptions, FmOpenOptions {
  /** Where the index is kept; in memory when absent. */
  readonly folder?: string;
}

export const fmDefaults = {
  fold: "none",
  sampleRate: 28,
  inverseRate: 16,
  blockBytes: 6 << 20,
  shardBytes: 64 << 20,
} as const;

export const fmOpenDefaults = { cacheBytes: 34 << 20 } as const;

export interface Settings {
  readonly fold: Fold;
  readonly sampleRate: number;
  readonly inverseRate: number;
  readonly blockBytes: number;
  readonly shardBytes: number;
}

const RANGES: Record<Exclude<keyof Settings, "fold">, readonly [number, number]> = {
  sampleRate: [1, 65_536],
  inverseRate: [1, 65_536],
  blockBytes: [1, 256 * 2 ** 20],
  shardBytes: [1, 2 ** 30],
};

/** @throws MnemeError RANGE, ARGUMENT */
export function settingsOf(options: FmIndexOptions): Settings {
  const settings = {
    fold: options.fold ?? fmDefaults.fold,
    sampleRate: options.sampleRate ?? fmDefaults.sampleRate,
    inverseRate: options.inverseRate ?? fmDefaults.inverseRate,
    blockBytes: options.blockBytes ?? fmDefaults.blockBytes,
    shardBytes: options.shardBytes ?? fmDefaults.shardBytes,
  };
  for (const [name, [least, most]] of Object.entries(RANGES)) {
    const value = settings[name as keyof typeof RANGES];
    if (!(Number.isInteger(value) && value >= least && value <= most))
      throw new MnemeError(
        "RANGE",
        `fm-index: ${name} is ${value}, need a whole number from ${least} to ${most}`,
      );
  }
  if (settings.fold !== "none" && settings.fold !== "ascii")
    throw new MnemeError("ARGUMENT", `fm-index: fold is "${String(settings.fold)}", need "none" or "ascii"`);
  return settings;
}

/** Longest document: its suffixes are sorted in memory. */
export const MOST_DOCUMENT: number = 256 * 2 ** 20;

const encoder = new TextEncoder();

/** A string's UTF-8, or bytes as they are. @throws MnemeError ARGUMENT for anything else */
export function toBytes(text: string | Uint8Array, what: string): Uint8Array {
  if (typeof text === "string") return encoder.encode(text);
  if (text instanceof Uint8Array) return text;
  throw new MnemeError("ARGUMENT", `fm-index: ${what} is ${typeof text}, need a string or a Uint8Array`);
}

/** Bytes of a pattern, as they are indexed. @throws MnemeError RANGE for an empty one or one beyond 64 KiB */
export function patternOf(text: string | Uint8Array, fold: Uint8Array): Uint8Array {
  const bytes = toBytes(text, "the pattern");
  if (bytes.length === 0)
    throw new MnemeError("RANGE", "fm-index: an empty pattern is everywhere; pass one byte or more");
  if (bytes.length > MOST_PATTERN)
    throw new MnemeError(
      "RANGE",
      `fm-index: a pattern of ${bytes.length} bytes, at most ${MOST_PATTERN} are searched for`,
    );
  return bytes.map((byte) => fold[byte]!);
}
