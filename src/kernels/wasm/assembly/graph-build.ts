/**
 * Building a proximity graph: rows are inserted in batches. All rows of a batch walk the graph as it is and choose their links (relative
 * neighbourhood rule with a factor: DiskANN, NeurIPS 2019); then every row that was linked to gets the links back. So any number of threads
 * makes the same graph (as in ParlayANN, Manohar et al., PPoPP 2024). Deleted rows are bridged as in FreshDiskANN (Singh et al., 2021).
 */
import { dotBytes } from "./graph-codes";
import {
  acquire, ALPHA, BIAS, COARSE, DEGREE, DELETED, DIMS, entryOf, forget, FORWARD, FRESH, hasBit, insert, keyOf, LINKS, NONE, POOL, POOL_ROOM, QUERY,
  QUERY_SCALE, release, rowOf, SEEN, see, STRIDE,
} from "./graph-state";
import { walk } from "./graph";

/** <a, b> - |b|^2 / 2 by coarse codes; twice this less |a|^2 is minus their squared distance. */
// @ts-ignore: decorator
@inline
function keyBetween(a: usize, b: usize, dims: usize): f32 {
  return <f32>dotBytes(a, b, dims) * (load<f32>(a + dims) * load<f32>(b + dims)) + load<f32>(b + dims, 4);
}

/** Chooses links of `row` from a list of entries, nearest first, and writes them. */
function prune(graph: usize, scratch: usize, row: u32, list: usize, size: u32, most: u32): void {
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const degree = load<u32>(graph, DEGREE);
  const alpha = load<f32>(graph, ALPHA);
  const links = <usize>load<u32>(graph, LINKS) + <usize>row * (<usize>degree << 2);
  const deleted = <usize>load<u32>(graph, DELETED);
  const half = load<f32>(coarse + <usize>row * stride + dims, 4);
  const chosen = <usize>load<u32>(scratch, FRESH);
  let count: u32 = 0;
  for (let i: u32 = 0; i < size && count < most; i++) {
    const entry = load<u64>(list + (<usize>i << 3));
    const other = rowOf(entry);
    if (other == row || (deleted != 0 && hasBit(deleted, other) != 0)) continue;
    // half of minus the squared distances: near is above far
    const distance = keyOf(entry) + half;
    const code = coarse + <usize>other * stride;
    const halfOther = load<f32>(code + dims, 4);
    let occluded = false;
    for (let j: u32 = 0; j < count; j++) {
      const between = keyBetween(code, coarse + <usize>load<u32>(chosen + (<usize>j << 2)) * stride, dims) + halfOther;
      if (alpha * between > distance) {
        occluded = true;
        break;
      }
    }
    if (occluded) continue;
    store<u32>(chosen + (<usize>count << 2), other);
    count++;
  }
  memory.copy(links, chosen, <usize>count << 2);
  memory.fill(links + (<usize>count << 2), 255, <usize>(degree - count) << 2);
}

/** Chooses the links of rows that the graph does not lead to yet. @param rows count u32 @param effort entries of the list that is walked */
export function insertGraphRows(graph: usize, rows: usize, count: u32, effort: u32): void {
  const scratch = acquire(graph);
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const query = <usize>load<u32>(scratch, QUERY);
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + (<usize>i << 2));
    const code = coarse + <usize>row * stride;
    for (let j: usize = 0; j < dims; j += 8) v128.store(query + (j << 1), v128.load8x8_s(code + j));
    store<f32>(scratch, load<f32>(code + dims), QUERY_SCALE);
    store<f32>(scratch, 1, BIAS);
    const size = walk(graph, scratch, effort, 0, 0, 0);
    prune(graph, scratch, row, <usize>load<u32>(scratch, POOL), size, load<u32>(graph, FORWARD));
  }
  release(scratch);
}

/** Adds a candidate of `row` to the list of a scratch. @returns entries of the list */
// @ts-ignore: decorator
@inline
function offer(coarse: usize, stride: usize, dims: usize, row: u32, other: u32, list: usize, size: u32, room: u32): u32 {
  const key = keyBetween(coarse + <usize>row * stride, coarse + <usize>other * stride, dims);
  insert(list, size, room, entryOf(key, other));
  return min(size + 1, room);
}

/**
 * Links rows back. @param groups count + 1 pairs of u32: the row that gets links, where its new ones begin in `sources`; the last pair
 * says where they end
 */
export function linkGraphRows(graph: usize, groups: usize, count: u32, sources: usize): void {
  const scratch = acquire(graph);
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const degree = load<u32>(graph, DEGREE);
  const alpha = load<f32>(graph, ALPHA);
  const nearness = <usize>load<u32>(scratch, POOL);
  for (let g: u32 = 0; g < count; g++) {
    const group = groups + (<usize>g << 3);
    const row = load<u32>(group);
    const links = <usize>load<u32>(graph, LINKS) + <usize>row * (<usize>degree << 2);
    const end = load<u32>(group, 12);
    let have: u32 = 0;
    while (have < degree && load<u32>(links + (<usize>have << 2)) != NONE) have++;
    let measured: u32 = 0;
    for (let at = load<u32>(group, 4); at < end; at++) {
      const source = load<u32>(sources + (<usize>at << 2));
      if (linked(links, have, source)) continue;
      if (have < degree) {
        store<u32>(links + (<usize>have << 2), source);
        have++;
        continue;
      }
      for (; measured < have; measured++) {
        const key = keyBetween(coarse + <usize>row * stride, coarse + <usize>load<u32>(links + (<usize>measured << 2)) * stride, dims);
        store<f32>(nearness + (<usize>measured << 2), key);
      }
      have = exchange(coarse, stride, dims, alpha, row, links, nearness, have, degree, source);
      measured = have;
    }
    memory.fill(links + (<usize>have << 2), 255, <usize>(degree - have) << 2);
  }
  release(scratch);
}

/**
 * One more link for a row whose links are chosen: it is not taken when a nearer one occludes it, and those that it occludes go; then the
 * farthest of too many. What a choice anew would give, for a part of its products. @returns how many links there are
 */
// @ts-ignore: decorator
@inline
function exchange(coarse: usize, stride: usize, dims: usize, alpha: f32, row: u32, links: usize, nearness: usize, have: u32, degree: u32, source: u32): u32 {
  const half = load<f32>(coarse + <usize>row * stride + dims, 4);
  const code = coarse + <usize>source * stride;
  const halfSource = load<f32>(code + dims, 4);
  const key = keyBetween(coarse + <usize>row * stride, code, dims);
  let left: u32 = 0;
  let farthest: u32 = 0;
  // links that stay close ranks; those behind `left` are still as they were
  for (let i: u32 = 0; i < have; i++) {
    const other = load<u32>(links + (<usize>i << 2));
    const own = load<f32>(nearness + (<usize>i << 2));
    const between = alpha * (keyBetween(code, coarse + <usize>other * stride, dims) + halfSource);
    if (own >= key) {
      // only a link that is not occluded itself may have displaced others by now: such a state is as good as any
      if (between > key + half && left == i) return have;
    } else if (between > own + half) continue;
    if (left != i) {
      store<u32>(links + (<usize>left << 2), other);
      store<f32>(nearness + (<usize>left << 2), own);
    }
    if (own < load<f32>(nearness + (<usize>farthest << 2))) farthest = left;
    left++;
  }
  if (left == degree) {
    if (load<f32>(nearness + (<usize>farthest << 2)) >= key) return left;
    store<u32>(links + (<usize>farthest << 2), source);
    store<f32>(nearness + (<usize>farthest << 2), key);
    return left;
  }
  store<u32>(links + (<usize>left << 2), source);
  store<f32>(nearness + (<usize>left << 2), key);
  return left + 1;
}

function linked(links: usize, have: u32, row: u32): bool {
  for (let i: u32 = 0; i < have; i++) if (load<u32>(links + (<usize>i << 2)) == row) return true;
  return false;
}

/** Gives rows [first, first + count) that link to deleted ones the links of those instead. Deleted rows keep theirs. */
export function bridgeGraphRows(graph: usize, first: u32, count: u32): void {
  const scratch = acquire(graph);
  const coarse = <usize>load<u32>(graph, COARSE);
  const stride = <usize>load<u32>(graph, STRIDE);
  const dims = <usize>load<u32>(graph, DIMS);
  const degree = load<u32>(graph, DEGREE);
  const all = <usize>load<u32>(graph, LINKS);
  const deleted = <usize>load<u32>(graph, DELETED);
  const room = load<u32>(graph, POOL_ROOM);
  const pool = <usize>load<u32>(scratch, POOL);
  const seen = <usize>load<u32>(scratch, SEEN);
  for (let row = first; row < first + count; row++) {
    if (hasBit(deleted, row) != 0) continue;
    const links = all + <usize>row * (<usize>degree << 2);
    let broken = false;
    for (let i: u32 = 0; i < degree; i++) {
      const other = load<u32>(links + (<usize>i << 2));
      if (other == NONE) break;
      if (hasBit(deleted, other) != 0) broken = true;
    }
    if (!broken) continue;
    see(scratch, seen, row);
    let size: u32 = 0;
    for (let i: u32 = 0; i < degree; i++) {
      const other = load<u32>(links + (<usize>i << 2));
      if (other == NONE) break;
      if (see(scratch, seen, other) == 0) continue;
      if (hasBit(deleted, other) == 0) {
        size = offer(coarse, stride, dims, row, other, pool, size, room);
        continue;
      }
      const further = all + <usize>other * (<usize>degree << 2);
      for (let j: u32 = 0; j < degree; j++) {
        const third = load<u32>(further + (<usize>j << 2));
        if (third == NONE) break;
        if (hasBit(deleted, third) == 0 && see(scratch, seen, third) != 0) size = offer(coarse, stride, dims, row, third, pool, size, room);
      }
    }
    prune(graph, scratch, row, pool, size, degree);
    forget(graph, scratch);
  }
  release(scratch);
}
