/**
 * A cache as a checked file: what text it holds, of which model, and the pages as they are. Another model's is refused by name, a damaged
 * one too; written beside its place and renamed.
 */
import { randomUUID } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { MnemeError } from "../errors.ts";
import type { WasmFace } from "../kernels/index.ts";
import { RegionFile, type RegionKind, writeRegionFile } from "../storage/region-file.ts";
import { CACHE_CODECS, checkCodec } from "./page-codec.ts";
import { type CacheFacts, PagedCache } from "./paged-cache.ts";

export const CACHES: RegionKind = {
  magic: "MNEMEKVC",
  what: "caches",
  remedy: "delete it; the text is read again when it is needed",
};

/** What a cache must be of to be used again. */
export interface CacheOrigin {
  /** Of the configuration and the weights, as they were converted. */
  readonly fingerprint: string;
  /** As errors name the model. */
  readonly model: string;
  /** Settings of rotary positions: keys are kept as rotated. */
  readonly rope: unknown;
}

export interface SavedCache {
  readonly tokens: readonly number[];
  /** The caller's. */
  readonly cache: PagedCache;
}

interface About extends CacheFacts {
  /** The model's fingerprint; `fingerprint` is the key of the file in a folder. */
  readonly origin: string;
  readonly model: string;
  readonly rope: unknown;
}

/** Header and regions of a file; bytes are copies. */
export function cacheRegions(
  { tokens, cache }: SavedCache,
  origin: CacheOrigin,
): { readonly about: Readonly<Record<string, unknown>>; readonly regions: ReadonlyMap<string, Uint8Array> } {
  const { about, heads } = cache.exported();
  const words = Int32Array.from(tokens);
  const regions = new Map<string, Uint8Array>([["tokens", new Uint8Array(words.buffer)]]);
  heads.forEach((bytes, i) => {
    regions.set(`head ${i}`, bytes);
  });
  const { fingerprint, model, rope } = origin;
  return { about: { origin: fingerprint, model, rope, ...about }, regions };
}

/** @returns bytes written. @throws MnemeError RANGE for more tokens than the cache holds; what the file system says */
export function saveCache(path: string, saved: SavedCache, origin: CacheOrigin): number {
  if (saved.tokens.length !== saved.cache.length)
    throw new MnemeError(
      "RANGE",
      `save ${path}: ${saved.tokens.length} tokens for a cache of ${saved.cache.length}`,
    );
  const { about, regions } = cacheRegions(saved, origin);
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  try {
    const bytes = writeRegionFile(unfinished, CACHES, about, regions);
    renameSync(unfinished, path);
    return bytes;
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

/** @throws MnemeError NOT_FOUND, CORRUPT, VERSION, FORMAT for a cache of another model, each naming the file */
export function openCache(face: WasmFace, path: string, origin: CacheOrigin): SavedCache {
  let file: RegionFile;
  try {
    file = new RegionFile(path, CACHES);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new MnemeError("NOT_FOUND", `${path}: no saved cache there`, { cause });
  }
  using opened = file;
  return cacheOf(face, opened, origin);
}

/** The cache that an open file holds. @throws as openCache */
export function cacheOf(face: WasmFace, file: RegionFile, origin: CacheOrigin): SavedCache {
  const about = checked(file, origin);
  const damaged = (why: string): MnemeError =>
    new MnemeError("CORRUPT", `${file.path}: ${why}; ${CACHES.remedy}`);
  const tokens = new Uint8Array(about.length * 4);
  if (file.bytesOf("tokens") !== tokens.length || !file.fill("tokens", tokens))
    throw damaged("its tokens are not those of its length");
  const heads = about.heads.map((_, i) => {
    const bytes = new Uint8Array(file.bytesOf(`head ${i}`));
    file.fill(`head ${i}`, bytes);
    return bytes;
  });
  const cache = PagedCache.imported(face, about, heads, damaged);
  return { tokens: [...new Int32Array(tokens.buffer)], cache };
}

function checked({ about: given, path }: RegionFile, origin: CacheOrigin): About {
  const about = given as unknown as About;
  if (about.origin !== origin.fingerprint || JSON.stringify(about.rope) !== JSON.stringify(origin.rope))
    throw new MnemeError(
      "FORMAT",
      `${path}: a cache of ${about.model} (${String(about.origin).slice(0, 12)}), this model is ${origin.model} (${origin.fingerprint.slice(0, 12)}); save one with this model`,
    );
  checkCodec(about.codec, CACHE_CODECS, path);
  const { shape, length, heads } = about;
  const sides = [shape?.layers, shape?.kvHeads, shape?.headDim, length];
  if (
    !sides.every((side) => Number.isSafeInteger(side) && side >= 0) ||
    heads?.length !== shape.layers * shape.kvHeads
  )
    throw new MnemeError("CORRUPT", `${path}: a header that makes no sense; ${CACHES.remedy}`);
  return about;
}
