/** Which rows a choice of labels means. */
import { MnemeError } from "../../errors.ts";
import { RowSet } from "../../index/row-set.ts";
import type { Library } from "../library.ts";
import type { FacetChoice, SearchQuery } from "../types.ts";

/** @throws MnemeError ARGUMENT for what is no choice */
export function checkChoice(facets: FacetChoice | undefined): void {
  for (const [dimension, values] of Object.entries(facets ?? {}))
    if (!(Array.isArray(values) ? values : [values]).every((value) => typeof value === "string"))
      throw new MnemeError(
        "ARGUMENT",
        `search: facets of ${dimension} are ${JSON.stringify(values)}; give a label or a list of them`,
      );
}

/** Files what is in the tail, unless that takes a model: a search sees what was added before it. */
export async function fileFirst({ cube, tail }: Library): Promise<void> {
  if (cube.index && !cube.isSlow) await cube.file(tail);
}

/**
 * Rows of a filter that also have one of the labels chosen in each dimension; the filter itself where none is.
 * @throws MnemeError ARGUMENT where there is no cube, or not that dimension
 */
export async function facetRows(
  library: Library,
  { facets = {} }: Pick<SearchQuery, "facets">,
  filter: RowSet | undefined,
): Promise<RowSet | undefined> {
  const chosen = Object.entries(facets).filter(([, values]) => values.length > 0);
  if (chosen.length === 0) return filter;
  const { index } = library.cube;
  if (!index)
    throw new MnemeError(
      "ARGUMENT",
      `search: facets of ${chosen.map(([dimension]) => dimension).join(", ")} in a library without a cube; open it with cube: true`,
    );
  await fileFirst(library);
  let rows = filter ?? library.live;
  for (const [dimension, values] of chosen) {
    const ofIt = [values].flat().map((value) => index.rowsOf(dimension, value));
    rows = rows.and(ofIt.reduce((all, one) => all.or(one), new RowSet()));
  }
  return rows;
}
