/**
 * In which lists a row is kept, beside that of its nearest centre: the rules of closure (SPANN, NeurIPS 2021: several near centres of
 * different directions) and of SOAR (NeurIPS 2023: one second centre, from which the row lies at a right angle to how it lies from the first).
 */

export type Replication =
  | { readonly rule: "single" }
  /** `replicas` copies at most; `reach`: of the nearest centre's distance; `angle`: what the relative-neighbourhood rule is loosened by. */
  | { readonly rule: "closure"; readonly replicas: number; readonly reach: number; readonly angle: number }
  /** `weight` of the squared part of the second residual that runs along the first. */
  | { readonly rule: "soar"; readonly weight: number };

export const closureDefaults = { rule: "closure", replicas: 4, reach: 1.3, angle: 1 } as const;
export const soarDefaults = { rule: "soar", weight: 1 } as const;

/** The nearest centres of a row, ascending by distance. */
export interface Candidates {
  readonly count: number;
  /** Numbers by which `between` knows them. */
  readonly centres: Uint32Array;
  /** Squared distances from the row, ascending. */
  readonly distances: Float32Array;
}

/** Copies of a row at most. */
export function mostCopies(replication: Replication): number {
  if (replication.rule === "single") return 1;
  return replication.rule === "soar" ? 2 : replication.replicas;
}

/**
 * Chooses further centres for a row that is in list `first` of the candidates.
 * @param between squared distance of two centres. @param chosen their places among the candidates; [0] is given
 * @returns how many are chosen
 */
export function chooseCopies(
  replication: Replication,
  candidates: Candidates,
  between: (a: number, b: number) => number,
  chosen: Uint32Array,
): number {
  if (replication.rule === "closure") return closure(replication, candidates, between, chosen);
  if (replication.rule === "soar") return soar(replication.weight, candidates, between, chosen);
  return 1;
}

function closure(
  { replicas, reach, angle }: Replication & { rule: "closure" },
  { count, centres, distances }: Candidates,
  between: (a: number, b: number) => number,
  chosen: Uint32Array,
): number {
  const furthest = distances[chosen[0]!]! * reach * reach;
  const loosened = angle * angle;
  let some = 1;
  for (let place = 0; place < count && some < replicas; place++) {
    const distance = distances[place]!;
    if (distance > furthest) break;
    if (place === chosen[0]) continue;
    let isApart = true;
    for (let i = 0; i < some && isApart; i++)
      isApart = loosened * between(centres[place]!, centres[chosen[i]!]!) >= distance;
    if (isApart) chosen[some++] = place;
  }
  return some;
}

function soar(
  weight: number,
  { count, centres, distances }: Candidates,
  between: (a: number, b: number) => number,
  chosen: Uint32Array,
): number {
  const first = chosen[0]!;
  const own = distances[first]!;
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let place = 0; place < count; place++) {
    if (place === first) continue;
    const distance = distances[place]!;
    // candidates come by their distance, and what is along the first one's residual only adds to it
    if (distance >= least) break;
    // <r, r'> by the law of cosines
    const along = (own + distance - between(centres[place]!, centres[first]!)) / 2;
    const cost = distance + (own > 0 ? (weight * along * along) / own : 0);
    if (cost < least) {
      least = cost;
      best = place;
    }
  }
  if (best < 0) return 1;
  chosen[1] = best;
  return 2;
}
