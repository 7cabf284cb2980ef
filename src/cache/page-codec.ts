/** How the slots of a page are kept, and what that takes: keys and values of 64 slots of one head (see kernels/wasm/assembly/page.ts). */
import { MnemeError } from "../errors.ts";
import { PAGE_SLOTS } from "../kernels/index.ts";

/**
 * `f32` as they are; `f16` as the nearest halves; `int8` a scale for each slot; `affine4`, `affine2` keys by channel and values by slot (Liu et al., KIVI, 2024); `lloyd4`,
 * `lloyd2` less the page's mean, by levels of Lloyd and Max (Zandieh et al., TurboQuant, 2025), for caches of turned rows. In the kernels' order.
 */
export const PAGE_CODECS = ["f32", "int8", "affine4", "affine2", "lloyd4", "lloyd2", "f16"] as const;
export type PageCodec = (typeof PAGE_CODECS)[number];

/** Those that slots can be put into one by one: new tokens go into pages of these. */
export const CACHE_CODECS = ["f32", "f16", "int8"] as const;
export type CacheCodec = (typeof CACHE_CODECS)[number];

/** Those that whole pages are encoded by. */
export const FEWER_BITS: readonly PageCodec[] = PAGE_CODECS.filter(
  (codec) => !CACHE_CODECS.some((one) => one === codec),
);

/** Bits of a code, and bytes beside the codes: of keys, of values. */
const SIDES: Readonly<
  Record<PageCodec, (dim: number) => readonly [bits: number, keys: number, values: number]>
> = {
  f32: () => [32, 0, 0],
  f16: () => [16, 0, 0],
  int8: () => [8, PAGE_SLOTS * 4, PAGE_SLOTS * 4],
  affine4: (dim) => [4, dim * 4, PAGE_SLOTS * 4],
  affine2: (dim) => [2, dim * 4, PAGE_SLOTS * 4],
  lloyd4: (dim) => [4, PAGE_SLOTS * 2 + dim * 2, PAGE_SLOTS * 2 + dim * 2],
  lloyd2: (dim) => [2, PAGE_SLOTS * 2 + dim * 2, PAGE_SLOTS * 2 + dim * 2],
};

/** Bytes of a page's keys, and of its values. */
export function pageBytes(codec: PageCodec, dim: number): { readonly keys: number; readonly values: number } {
  const [bits, keys, values] = SIDES[codec](dim);
  const codes = (PAGE_SLOTS * dim * bits) / 8;
  return { keys: codes + keys, values: codes + values };
}

/** @throws MnemeError RANGE naming what there is */
export function checkCodec<T extends PageCodec>(codec: string, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === codec);
  if (found) return found;
  throw new MnemeError(
    "RANGE",
    `${what}: no codec ${JSON.stringify(codec)}; expected one of ${allowed.join(", ")}`,
  );
}
