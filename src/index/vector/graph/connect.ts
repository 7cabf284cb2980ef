/** What pruning may leave behind: rows that no walk reaches. And the order in which walks meet the rows. */
import { NO_ROW } from "../../../kernels/index.ts";

export interface Links {
  /** degree a row; NO_ROW behind the last. */
  readonly links: Uint32Array;
  readonly degree: number;
  readonly entries: Uint32Array;
}

/** Rounds of repair: a link that is given away may cut off another row. */
const ROUNDS = 4;

/** Rows in the order in which a search in breadth from the entries meets them. */
function breadthFirst(
  { links, degree }: Links,
  starts: Iterable<number>,
  reached: Uint8Array,
  order: number[],
): void {
  let at = order.length;
  for (const start of starts) {
    if (reached[start]) continue;
    reached[start] = 1;
    order.push(start);
  }
  for (; at < order.length; at++) {
    const first = order[at]! * degree;
    for (let i = first; i < first + degree && links[i] !== NO_ROW; i++) {
      const row = links[i]!;
      if (reached[row]) continue;
      reached[row] = 1;
      order.push(row);
    }
  }
}

/** All rows: neighbours near each other, so that a walk touches few pages. */
export function walkOrder(graph: Links): Uint32Array {
  const rows = graph.links.length / graph.degree;
  const reached = new Uint8Array(rows);
  const order: number[] = [];
  breadthFirst(graph, graph.entries, reached, order);
  for (let row = 0; row < rows; row++) if (!reached[row]) order.push(row);
  return Uint32Array.from(order);
}

/** Makes every row that is there reachable: one of those that it links to links back. @returns rows that still are not */
export function connect(graph: Links, isThere: (row: number) => boolean): number {
  const rows = graph.links.length / graph.degree;
  let lost = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const reached = new Uint8Array(rows);
    breadthFirst(graph, graph.entries, reached, []);
    const incoming = countIncoming(graph.links, rows);
    lost = 0;
    for (let row = 0; row < rows; row++) {
      if (reached[row] || !isThere(row)) continue;
      lost++;
      if (attach(graph, row, reached, incoming)) breadthFirst(graph, [row], reached, []);
    }
    if (lost === 0) break;
  }
  return lost;
}

function countIncoming(links: Uint32Array, rows: number): Uint32Array {
  const incoming = new Uint32Array(rows);
  for (const row of links) if (row !== NO_ROW) incoming[row]!++;
  return incoming;
}

/** Gives one of the row's reached links a link to it, in a free slot or in the place of a row that others link to as well. */
function attach({ links, degree }: Links, row: number, reached: Uint8Array, incoming: Uint32Array): boolean {
  for (const anywhere of [false, true]) {
    for (let i = row * degree; i < (row + 1) * degree && links[i] !== NO_ROW; i++) {
      const from = links[i]!;
      if (!reached[from]) continue;
      for (let slot = (from + 1) * degree - 1; slot >= from * degree; slot--) {
        const held = links[slot]!;
        const isFree = held === NO_ROW && (slot === from * degree || links[slot - 1] !== NO_ROW);
        if (!isFree && !(anywhere && held !== NO_ROW && incoming[held]! > 1)) continue;
        if (!isFree) incoming[held]!--;
        links[slot] = row;
        incoming[row]!++;
        return true;
      }
    }
  }
  return false;
}
