/** What a search puts up for a judged query, with what the cube says of it, to learn weights from. */
import type { Embedder } from "../../embed/embedder.ts";
import type { Library } from "../library.ts";
import { recordOf } from "../read-item.ts";
import { rankPage } from "../search.ts";
import type { JudgedQuery, SearchQuery } from "../types.ts";
import { cubeFeatures } from "./cube-weights.ts";
import type { CubeLesson } from "./learn-cube-weights.ts";

/** Items of a lesson. */
const DEPTH = 30;

/** @param how the weights of words, meaning and the cube's share @returns undefined where the cube says nothing */
export async function cubeLesson(
  library: Library,
  embedderNow: () => Embedder,
  { query, relevant }: JudgedQuery,
  how: SearchQuery,
): Promise<CubeLesson | undefined> {
  await library.refresh();
  return library.gate.read(async () => {
    const { page, cube } = await rankPage(
      library,
      embedderNow(),
      query,
      how,
      DEPTH,
      undefined,
      [],
      undefined,
    );
    if (!cube) return undefined;
    const ids: string[] = [];
    for (const { row } of page) ids.push((await recordOf(library.placeOf(row))).head.id);
    const features = cubeFeatures(
      page.map(({ fused = 0 }) => fused),
      page.map(({ row }) => row),
      cube,
    );
    return { ids, features, relevant: new Map(Object.entries(relevant)) };
  });
}
