/**
 * Suffix arrays by induced sorting: SA-IS (Nong, Zhang and Chan, 2009). A slot holds the position of a suffix, complemented while the
 * suffix before it is not of the type that the running pass induces, so that a pass reads the text at one place a suffix (the idea of
 * Mori's sais). Level 0 is a text of documents, each ended by symbol 0: every end is a symbol of its own, ordered by place, so that no
 * comparison goes on into the next document. Deeper levels are strings of names without ends.
 */

// @ts-ignore: decorator
@inline
function at<T>(text: usize, i: i32): i32 {
  return <i32>load<T>(text + <usize>i * sizeof<T>());
}

// @ts-ignore: decorator
@inline
function get(sa: usize, i: i32): i32 {
  return load<i32>(sa + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function put(sa: usize, i: i32, value: i32): void {
  store<i32>(sa + (<usize>i << 2), value);
}

// @ts-ignore: decorator
@inline
function hasEnds<T>(): bool {
  return sizeof<T>() < 4;
}

/** Slots ahead of which the text is read for nothing but to have it in the cache: WebAssembly has no prefetch. */
// @ts-ignore: decorator
@inline const AHEAD: i32 = 24;

/** What was read ahead, so that no compiler leaves the reads out. */
let sink: i32 = 0;

// @ts-ignore: decorator
@inline
function touch<T>(text: usize, e: i32): i32 {
  return at<T>(text, e ^ (e >> 31));
}

function countSymbols<T>(text: usize, n: i32, counts: usize, k: i32): void {
  memory.fill(counts, 0, <usize>k << 2);
  for (let i = 0; i < n; i++) {
    const slot = counts + (<usize>at<T>(text, i) << 2);
    store<i32>(slot, load<i32>(slot) + 1);
  }
}

function heads(counts: usize, pointers: usize, k: i32): void {
  let sum = 0;
  for (let c = 0; c < k; c++) {
    const count = get(counts, c);
    put(pointers, c, sum);
    sum += count;
  }
}

function tails(counts: usize, pointers: usize, k: i32): void {
  let sum = 0;
  for (let c = 0; c < k; c++) {
    sum += get(counts, c);
    put(pointers, c, sum);
  }
}

// @ts-ignore: decorator
@inline
function take(pointers: usize, c: i32): i32 {
  const slot = pointers + (<usize>c << 2);
  const value = load<i32>(slot);
  store<i32>(slot, value + 1);
  return value;
}

// @ts-ignore: decorator
@inline
function takeBack(pointers: usize, c: i32): i32 {
  const slot = pointers + (<usize>c << 2);
  const value = load<i32>(slot) - 1;
  store<i32>(slot, value);
  return value;
}

/** Places the leftmost S-type positions (LMS) at the tails of their buckets, in order of position within a bucket. @returns how many */
function placeLeftmost<T>(text: usize, n: i32, sa: usize, pointers: usize): i32 {
  let count = 0;
  let next = at<T>(text, n - 1);
  let isS = false;
  if (hasEnds<T>()) {
    // the last end: before it lies a byte, which is larger
    put(sa, takeBack(pointers, 0), n - 1);
    count++;
    isS = true;
  }
  for (let i = n - 2; i >= 0; i--) {
    const c = at<T>(text, i);
    const s = c < next || (c == next && isS);
    if (!s && isS && !(hasEnds<T>() && i == n - 2)) {
      put(sa, takeBack(pointers, next), i + 1);
      count++;
    }
    isS = s;
    next = c;
  }
  return count;
}

/** First half of sorting the LMS substrings: L-type suffixes from left to right; leaves those whose predecessor is of type S. */
function induceL<T>(text: usize, n: i32, sa: usize, pointers: usize): void {
  if (!hasEnds<T>()) {
    const c = at<T>(text, n - 1);
    put(sa, take(pointers, c), n > 1 && at<T>(text, n - 2) < c ? ~(n - 1) : n - 1);
  }
  let ahead = 0;
  const safe = n - AHEAD;
  for (let i = 0; i < n; i++) {
    const e = get(sa, i);
    if (i < safe) ahead += touch<T>(text, get(sa, i + AHEAD));
    if (e > 0) {
      put(sa, i, 0);
      const p = e - 1;
      const c = at<T>(text, p);
      const v = p > 0 ? (at<T>(text, p - 1) < c ? ~p : p) : 0;
      put(sa, take(pointers, c), v);
    } else if (e < 0) put(sa, i, ~e);
  }
  sink = ahead;
}

/** Second half: S-type suffixes from right to left; leaves the LMS positions complemented, all else 0. */
function induceS<T>(text: usize, n: i32, sa: usize, pointers: usize): void {
  let ahead = 0;
  for (let i = n - 1; i >= 0; i--) {
    const e = get(sa, i);
    if (i >= AHEAD) ahead += touch<T>(text, get(sa, i - AHEAD));
    if (e <= 0) continue;
    put(sa, i, 0);
    const p = e - 1;
    const c = at<T>(text, p);
    if (hasEnds<T>() && c == 0) continue;
    const v = p > 0 ? (at<T>(text, p - 1) > c ? ~p : p) : 0;
    put(sa, takeBack(pointers, c), v);
  }
  sink = ahead;
}

/** Last passes over sorted LMS suffixes: as above, but every suffix stays. */
function finishL<T>(text: usize, n: i32, sa: usize, pointers: usize): void {
  if (!hasEnds<T>()) {
    const c = at<T>(text, n - 1);
    put(sa, take(pointers, c), n > 1 && at<T>(text, n - 2) < c ? ~(n - 1) : n - 1);
  }
  let ahead = 0;
  const safe = n - AHEAD;
  for (let i = 0; i < n; i++) {
    const e = get(sa, i);
    if (i < safe) ahead += touch<T>(text, get(sa, i + AHEAD));
    if (e == 0) continue;
    put(sa, i, ~e);
    if (e < 0) continue;
    const p = e - 1;
    const c = at<T>(text, p);
    const v = p > 0 ? (at<T>(text, p - 1) < c ? ~p : p) : 0;
    put(sa, take(pointers, c), v);
  }
  sink = ahead;
}

function finishS<T>(text: usize, n: i32, sa: usize, pointers: usize): void {
  let ahead = 0;
  for (let i = n - 1; i >= 0; i--) {
    const e = get(sa, i);
    if (i >= AHEAD) ahead += touch<T>(text, get(sa, i - AHEAD));
    if (e < 0) {
      put(sa, i, ~e);
      continue;
    }
    if (e == 0) continue;
    const p = e - 1;
    const c = at<T>(text, p);
    if (hasEnds<T>() && c == 0) continue;
    const v = p > 0 ? (at<T>(text, p - 1) <= c ? p : ~p) : 0;
    put(sa, takeBack(pointers, c), v);
  }
  sink = ahead;
}

// @ts-ignore: decorator
@inline
function sameSubstring<T>(text: usize, p: i32, q: i32, length: i32): bool {
  // one that holds an end is like no other
  if (hasEnds<T>() && (at<T>(text, p) == 0 || at<T>(text, p + length - 1) == 0)) return false;
  for (let i = 0; i < length; i++) if (at<T>(text, p + i) != at<T>(text, q + i)) return false;
  return true;
}

/** Stores the lengths of LMS substrings, end included, at sa[m + p / 2]; the last one of a string of names has length 0: it is alone. */
function storeLengths<T>(text: usize, n: i32, sa: usize, m: i32): void {
  let next = at<T>(text, n - 1);
  let isS = hasEnds<T>();
  let later = n - 1;
  if (isS) put(sa, m + ((n - 1) >> 1), 1);
  for (let i = n - 2; i >= 0; i--) {
    const c = at<T>(text, i);
    const s = c < next || (c == next && isS);
    if (!s && isS && !(hasEnds<T>() && i == n - 2)) {
      const first = !hasEnds<T>() && later == n - 1;
      put(sa, m + ((i + 1) >> 1), first ? -1 : later - i);
      later = i + 1;
    }
    isS = s;
    next = c;
  }
}

/** Names sorted LMS substrings sa[0, m), at sa[m + p / 2]. @returns the number of names */
function nameSubstrings<T>(text: usize, sa: usize, m: i32): i32 {
  let names = 0;
  let q = -1;
  let qLength = -1;
  for (let i = 0; i < m; i++) {
    const p = get(sa, i);
    const length = get(sa, m + (p >> 1));
    if (!(q >= 0 && length > 0 && length == qLength && sameSubstring<T>(text, p, q, length))) {
      names++;
      q = p;
      qLength = length;
    }
    put(sa, m + (p >> 1), names);
  }
  return names;
}

/** LMS positions in order of the text, to `out`. */
function listLeftmost<T>(text: usize, n: i32, out: usize, m: i32): void {
  let next = at<T>(text, n - 1);
  let isS = hasEnds<T>();
  let j = m;
  if (isS) put(out, --j, n - 1);
  for (let i = n - 2; i >= 0; i--) {
    const c = at<T>(text, i);
    const s = c < next || (c == next && isS);
    if (!s && isS && !(hasEnds<T>() && i == n - 2)) put(out, --j, i + 1);
    isS = s;
    next = c;
  }
}

/** Room behind the suffix array that a level needs when its own is too small. */
let spare: usize = 0;

function level<T>(text: usize, n: i32, k: i32, sa: usize, counts: usize): void {
  const pointers = counts + (<usize>k << 2);
  memory.fill(sa, 0, <usize>n << 2);
  countSymbols<T>(text, n, counts, k);
  tails(counts, pointers, k);
  const m = placeLeftmost<T>(text, n, sa, pointers);
  if (m > 1 || hasEnds<T>()) {
    heads(counts, pointers, k);
    induceL<T>(text, n, sa, pointers);
    tails(counts, pointers, k);
    if (hasEnds<T>()) placeEnds<T>(text, n, sa);
    induceS<T>(text, n, sa, pointers);
    let j = 0;
    for (let i = 0; i < n; i++) {
      const e = get(sa, i);
      if (e < 0) put(sa, j++, ~e);
    }
    memory.fill(sa + (<usize>m << 2), 0, <usize>(n - m) << 2);
    storeLengths<T>(text, n, sa, m);
    const names = nameSubstrings<T>(text, sa, m);
    const reduced = sa + (<usize>(n - m) << 2);
    let to = n;
    for (let i = n - 1; i >= m; i--) {
      const name = get(sa, i);
      if (name != 0) put(sa, --to, name - 1);
    }
    if (names < m) recurse(reduced, m, names, sa, sa + (<usize>m << 2), n - 2 * m);
    else for (let i = 0; i < m; i++) put(sa, get(reduced, i), i);
    listLeftmost<T>(text, n, reduced, m);
    for (let i = 0; i < m; i++) put(sa, i, get(reduced, get(sa, i)));
    countSymbols<T>(text, n, counts, k);
    tails(counts, pointers, k);
    memory.fill(sa + (<usize>m << 2), 0, <usize>(n - m) << 2);
    for (let i = m - 1; i >= 0; i--) {
      const p = get(sa, i);
      put(sa, i, 0);
      put(sa, takeBack(pointers, at<T>(text, p)), p);
    }
  }
  heads(counts, pointers, k);
  finishL<T>(text, n, sa, pointers);
  tails(counts, pointers, k);
  finishS<T>(text, n, sa, pointers);
}

/** The bucket of the ends is known: they are sorted by place. */
function placeEnds<T>(text: usize, n: i32, sa: usize): void {
  let d = 0;
  for (let i = 0; i < n; i++) if (at<T>(text, i) == 0) put(sa, d++, ~i);
}

/** Sorts the suffixes of a string of names, with its counts in the free middle of the array where they fit there. */
function recurse(text: usize, n: i32, k: i32, sa: usize, middle: usize, free: i32): void {
  if (free >= 2 * k) {
    level<i32>(text, n, k, sa, middle);
    return;
  }
  const counts = spare;
  spare += <usize>k << 3;
  const needed = <i32>((spare + 65535) >> 16) - memory.size();
  if (needed > 0) memory.grow(needed);
  level<i32>(text, n, k, sa, counts);
  spare = counts;
}

/**
 * Suffix array of documents without empty ones: `n` symbols (bytes, or pairs of bytes when `wide`) below `k`, each document ended by 0.
 * @param sa n i32, then room for 2 k i32; the memory behind `room` is used, and grown, when names are many
 */
export function sortSuffixes(text: usize, n: i32, k: i32, wide: bool, sa: usize, room: usize): void {
  const counts = sa + (<usize>n << 2);
  spare = room;
  if (wide) level<u16>(text, n, k, sa, counts);
  else level<u8>(text, n, k, sa, counts);
}
