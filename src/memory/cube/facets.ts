/** facets: labels of the cube with how many items are filed under each, over the library or over what a search finds. */
import type { Embedder } from "../../embed/embedder.ts";
import { MnemeError, throwIfAborted } from "../../errors.ts";
import { ALIAS, type SegmentedCube, WORD } from "../../index/cube/index.ts";
import { RowSet } from "../../index/row-set.ts";
import { rowAt } from "../../index/segment.ts";
import { Pacer } from "../../pacer.ts";
import type { Library } from "../library.ts";
import { rankPage } from "../search.ts";
import { matchingRows } from "../select.ts";
import type { Facet, FacetChoice, FacetQuery } from "../types.ts";
import { checkChoice, facetRows, fileFirst } from "./facet-rows.ts";

export const facetDefaults = { k: 200, limit: 10 } as const;

const MOST = 1000;

/** @throws MnemeError ARGUMENT, RANGE, CANCELLED */
export async function cubeFacets(
  library: Library,
  embedderNow: () => Embedder,
  query: FacetQuery,
): Promise<readonly Facet[]> {
  const { k = facetDefaults.k, limit = facetDefaults.limit, facets = {}, signal } = query;
  for (const [name, value] of Object.entries({ k, limit }))
    if (!Number.isInteger(value) || value < 1 || value > MOST)
      throw new MnemeError("RANGE", `facets: ${name} must be a whole number from 1 to ${MOST}, got ${value}`);
  checkChoice(facets);
  await library.refresh();
  return library.gate.read(async () => {
    const { index } = library.cube;
    if (!index) return [];
    await fileFirst(library);
    const dimensions =
      query.dimensions ?? index.dimensions.filter((dimension) => dimension !== WORD && dimension !== ALIAS);
    const itemOf = itemsOfRows(library);
    const among = new Map<string, RowSet>();
    const found: Facet[] = [];
    for (const dimension of dimensions) {
      throwIfAborted(signal, "facets");
      // all dimensions without a choice of their own count over the same rows
      const own = facets[dimension]?.length ? dimension : "";
      let rows = among.get(own);
      if (!rows) {
        rows = await rowsAmong(library, embedderNow(), query, k, without(facets, own));
        among.set(own, rows);
      }
      found.push({ dimension, values: await countsOf(index, dimension, rows, itemOf, limit) });
    }
    return found;
  });
}

function without(facets: FacetChoice, dimension: string): FacetChoice {
  return Object.fromEntries(Object.entries(facets).filter(([name]) => name !== dimension));
}

async function rowsAmong(
  library: Library,
  embedder: Embedder,
  { query = "", filter }: FacetQuery,
  k: number,
  facets: FacetChoice,
): Promise<RowSet> {
  if (query.trim() === "")
    return (await facetRows(library, { facets }, matchingRows(library, filter, Date.now()))) ?? library.live;
  const asked = { facets, group: "passage", ...(filter ? { filter } : {}) } as const;
  const { page } = await rankPage(library, embedder, query, asked, k, undefined, [], undefined);
  return RowSet.from(page.map(({ row }) => row));
}

/** Of each row the first row of its item. */
function itemsOfRows(library: Library): (row: number) => number {
  const first = new Uint32Array(library.counters.nextRow);
  for (const { stored, items } of library.segments)
    for (let item = 0; item < items.count; item++) {
      const [from, to] = [items.firstOrdinal(item), items.firstOrdinal(item + 1)];
      for (let ordinal = from; ordinal < to; ordinal++)
        first[rowAt(stored.rows, ordinal)] = rowAt(stored.rows, from);
    }
  for (const { firstRow, rows } of library.tail.items) first.fill(firstRow, firstRow, firstRow + rows);
  return (row) => first[row]!;
}

async function countsOf(
  index: SegmentedCube,
  dimension: string,
  among: RowSet,
  itemOf: (row: number) => number,
  limit: number,
): Promise<Facet["values"]> {
  const counts = new Map<string, { readonly value: string; count: number }>();
  const pacer = new Pacer();
  for (const { key, label, each } of index.entries(dimension)) {
    let count = 0;
    let last = -1;
    each((row) => {
      if (!among.has(row)) return;
      // rows of an item stand side by side
      const item = itemOf(row);
      if (item !== last) count++;
      last = item;
    });
    if (count === 0) continue;
    const there = counts.get(key);
    if (there) there.count += count;
    else counts.set(key, { value: label(), count });
    if (pacer.isDue) await pacer.pause();
  }
  const all = [...counts.values()].sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return all.slice(0, limit);
}
