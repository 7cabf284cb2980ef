/** A folder of saved caches by name, within a byte budget: listed, pinned, cleared; the longest unused goes first. */
import { createHash } from "node:crypto";
import { MnemeError } from "../errors.ts";
import type { WasmFace } from "../kernels/index.ts";
import { RegionFolder } from "../storage/region-folder.ts";
import { CACHES, type CacheOrigin, cacheOf, cacheRegions, type SavedCache } from "./saved-cache.ts";

export interface SavedCacheEntry {
  readonly name: string;
  readonly tokens: number;
  readonly bytes: number;
  readonly pinned: boolean;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  /** What is wrong with a file that cannot be used. */
  readonly damaged?: string;
}

export const savedCachesDefaults = { budgetBytes: 2e9 } as const;

export class SavedCaches {
  readonly #folder: RegionFolder;

  constructor(folder: string, budgetBytes: number = savedCachesDefaults.budgetBytes) {
    this.#folder = new RegionFolder(folder, budgetBytes, CACHES, ".cache");
  }

  /** @throws MnemeError BUDGET where it does not fit beside pinned ones; what the file system says */
  save(name: string, saved: SavedCache, origin: CacheOrigin): void {
    const { about, regions } = cacheRegions(saved, origin);
    if (!this.#folder.keep(keyOf(name), { name, ...about }, regions))
      throw new MnemeError(
        "BUDGET",
        `save ${name}: it does not fit into the ${this.#folder.budgetBytes} bytes of ${this.#folder.folder} beside pinned caches; unpin or clear some, or raise the budget`,
      );
  }

  /** Undefined where there is none of this name; a damaged one is removed. @throws MnemeError FORMAT for one of another model */
  open(name: string, face: WasmFace, origin: CacheOrigin): SavedCache | undefined {
    const file = this.#folder.open(keyOf(name));
    if (!file) return undefined;
    using opened = file;
    return cacheOf(face, opened, origin);
  }

  /** The last used first. */
  list(): SavedCacheEntry[] {
    return this.#folder.list().map(({ path, bytes, lastUsed, pinned, about }) => ({
      name: typeof about.name === "string" ? about.name : path,
      tokens: typeof about.length === "number" ? about.length : 0,
      bytes,
      pinned,
      lastUsed,
      ...(typeof about.damaged === "string" ? { damaged: about.damaged } : {}),
    }));
  }

  /** @throws MnemeError NOT_FOUND */
  pin(name: string, pinned = true): void {
    this.#folder.pin(keyOf(name), pinned);
  }

  /** @param name default: all, pinned ones too */
  clear(name?: string): void {
    if (name === undefined) this.#folder.clear();
    else this.#folder.remove(keyOf(name));
  }
}

const keyOf = (name: string): string => createHash("sha256").update(name).digest("hex");
