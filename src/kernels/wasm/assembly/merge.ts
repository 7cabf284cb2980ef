/** Kernel of byte-pair encoding: merges the tokens of one piece. */

// @ts-ignore: decorator
@inline const NONE: u32 = 0xffffffff;

/** What the table has for a pair of tokens: rank and merged token, or NONE. */
// @ts-ignore: decorator
@inline
function mergeOf(tokens: usize, slots: usize, mask: u32, shift: u32): u32 {
  const pair = (<u32>load<u16>(tokens) << 16) | <u32>load<u16>(tokens, 2);
  let slot = (pair * 0x9e3779b1) >> shift;
  while (true) {
    const merge = load<u32>(slots + (<usize>slot << 3), 4);
    if (merge == NONE || load<u32>(slots + (<usize>slot << 3)) == pair) return merge;
    slot = (slot + 1) & mask;
  }
}

/**
 * Merges u16 tokens[0, count) in place: the pair of lowest rank first, leftmost of equals, until none is left.
 * @param merges room for a u32 for each token: the merge of it and the next one
 * @returns how many tokens remain
 */
export function mergePairs(tokens: usize, count: usize, merges: usize, slots: usize, mask: u32, shift: u32): usize {
  if (count < 2) return count;
  let pairs = count - 1;
  for (let i: usize = 0; i < pairs; i++) store<u32>(merges + (i << 2), mergeOf(tokens + (i << 1), slots, mask, shift));
  while (pairs > 0) {
    let best = NONE;
    let at: usize = 0;
    for (let i: usize = 0; i < pairs; i++) {
      const merge = load<u32>(merges + (i << 2));
      if (merge < best) {
        best = merge;
        at = i;
      }
    }
    if (best == NONE) break;
    store<u16>(tokens + (at << 1), <u16>best);
    pairs--;
    for (let i = at + 1; i <= pairs; i++) store<u16>(tokens + (i << 1), load<u16>(tokens + (i << 1), 2));
    for (let i = at + 1; i < pairs; i++) store<u32>(merges + (i << 2), load<u32>(merges + (i << 2), 4));
    if (at < pairs) store<u32>(merges + (at << 2), mergeOf(tokens + (at << 1), slots, mask, shift));
    if (at > 0) store<u32>(merges + ((at - 1) << 2), mergeOf(tokens + ((at - 1) << 1), slots, mask, shift));
  }
  return pairs + 1;
}
