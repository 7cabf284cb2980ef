/** When a search may stop reading lists, which come by the distance of their centres. All distances squared. */

export type Pruning =
  /** All lists that the search may read. */
  | { readonly rule: "none" }
  /** SPANN's query-aware rule (NeurIPS 2021, section 3.2): no list whose centre is more than `most` times as far as the nearest one. */
  | { readonly rule: "ratio"; readonly most: number }
  /** No list whose centre is more than `most` times as far as the k-th row found so far. */
  | { readonly rule: "kth"; readonly most: number };

/** Whether a list, and with it all that come after it, need not be read. @param kth infinite until k rows are found */
export function isPruned(pruning: Pruning, distance: number, nearest: number, kth: number): boolean {
  switch (pruning.rule) {
    case "none":
      return false;
    case "ratio":
      return distance > pruning.most * pruning.most * nearest;
    case "kth":
      return distance > pruning.most * pruning.most * kth;
    default:
      return pruning satisfies never;
  }
}
