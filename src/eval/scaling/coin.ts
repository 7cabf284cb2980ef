/**
 * The coin of a document: a number in [0, 1) that depends on its id and a seed alone. Documents whose coin is below p make a store of
 * about p of the size: the same documents whether a list of candidates is thinned or the store is really built smaller, and those of a
 * smaller p are among those of a larger one.
 */

/** Two lanes of 32 bits over UTF-16 units, mixed at the end as MurmurHash3 does (Appleby, 2011). @returns 53 bits of them */
export function documentCoin(id: string, seed: number): number {
  let high = mixed(seed ^ 0x9e3779b9);
  let low = mixed(high ^ 0x85ebca6b);
  for (let i = 0; i < id.length; i++) {
    const unit = id.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul((low << 5) ^ (low >>> 27) ^ unit, 0xcc9e2d51);
  }
  high = mixed(high ^ id.length ^ (low >>> 16));
  low = mixed(low ^ high);
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
