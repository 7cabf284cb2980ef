/** The lists that a row belongs in, by the centres as they are. */
import { chooseCopies, type Replication } from "./closure.ts";
import { squaredDistance } from "./distance.ts";
import type { NearestHeads } from "./heads.ts";

/** Centres that a row chooses among. */
const CANDIDATES = 16;

/** Centres that are sought and looked at. */
export interface KnownCentres {
  nearest(query: Float32Array, wanted: number): Pick<NearestHeads, "count" | "lists" | "distances">;
  centre(list: number): Float32Array;
}

/** That of the nearest centre, and further ones by the rule of replication. */
export function listsFor(heads: KnownCentres, replication: Replication, values: Float32Array): number[] {
  const { count, lists, distances } = heads.nearest(values, CANDIDATES);
  const centres: Float32Array[] = [];
  const centre = (place: number): Float32Array => (centres[place] ??= heads.centre(lists[place]!));
  const chosen = new Uint32Array(CANDIDATES);
  const candidates = { count, centres: Uint32Array.from(lists.keys()), distances };
  const between = (a: number, b: number): number => squaredDistance(centre(a), centre(b));
  const some = chooseCopies(replication, candidates, between, chosen);
  return Array.from(chosen.subarray(0, some), (place) => lists[place]!);
}
