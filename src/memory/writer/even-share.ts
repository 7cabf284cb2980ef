/** How much of some work makes a batch: as few batches as the bound allows, of one size and as many for each thread, so that they end together. */
export function evenShare(all: number, threads: number, most: number): number {
  const rounds = Math.max(1, Math.ceil(all / (threads * most)));
  return all / (rounds * threads);
}
