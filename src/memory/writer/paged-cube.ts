/** A segment's cube as pages: from labels that are there, or from texts by the standard rules. Run by a worker or inline. */
import {
  buildCube,
  extractAll,
  type Labels,
  type StandardDimension,
  standard,
} from "../../index/cube/index.ts";
import { standAside } from "../../stand-aside.ts";
import { cutIntoRuns, type PagedParts } from "./page-runs.ts";
import type { TextToFile } from "./tasks.ts";

/** @param prefix of the parts' names */
export function pagedCube(
  prefix: string,
  dimensions: readonly string[],
  labels: readonly Labels[],
): PagedParts {
  const parts = buildCube(dimensions, labels);
  return cutIntoRuns(new Map([...parts].map(([name, bytes]) => [prefix + name, bytes])));
}

export async function fileTexts({
  texts,
  dimensions,
  order,
  prefix,
}: {
  readonly texts: readonly TextToFile[];
  readonly dimensions: readonly StandardDimension[];
  readonly order: readonly string[];
  readonly prefix: string;
}): Promise<PagedParts> {
  const extractors = [standard(dimensions)];
  const labels: Labels[] = [];
  for (const { text, about } of texts) {
    standAside();
    labels.push(await extractAll(extractors, text, about));
  }
  return pagedCube(prefix, order, labels);
}
