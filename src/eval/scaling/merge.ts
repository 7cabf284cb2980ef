/** Several stores searched as one: their lists are merged by score, as numbers. */
import { MnemeError } from "../../errors.ts";
import type { Datastore } from "./plan.ts";
import type { Found } from "./selection.ts";

export interface Shard extends Datastore {
  /** Who made the vectors and how texts were cut: scores of shards can be compared only where these agree. */
  readonly space: string;
}

/**
 * Equal scores come in the order of the shards.
 * @throws MnemeError SPACE for shards of different spaces, EXISTS for an id that two of them have, RANGE for none
 */
export function mergedStore(shards: readonly Shard[]): Datastore {
  const [first] = shards;
  if (!first) throw new MnemeError("RANGE", "scaling: no stores were given; name at least one");
  const owner = new Map<string, Shard>();
  for (const shard of shards) {
    if (shard.space !== first.space)
      throw new MnemeError(
        "SPACE",
        `scaling: one store is in the space ${first.space}, another in ${shard.space}; their scores cannot be compared`,
      );
    for (const { id } of shard.documents) {
      if (owner.has(id))
        throw new MnemeError("EXISTS", `scaling: two stores have a document ${JSON.stringify(id)}`);
      owner.set(id, shard);
    }
  }
  return {
    documents: shards.flatMap(({ documents }) => documents),
    async retrieve(query, depth, signal) {
      const lists: Found[] = [];
      for (const shard of shards) lists.push(...(await shard.retrieve(query, depth, signal)));
      // the sort is stable
      return lists.sort((a, b) => b.score - a.score).slice(0, depth);
    },
    ...(shards.every(({ text }) => text)
      ? { text: async (found) => owner.get(found.id)?.text?.(found) }
      : {}),
  };
}
