/**
 * Restoring what is lost of heads and rows from the lists: rows that lie in lists are there, and a centre is where the rows of its list are, whose
 * copies in other lists say so, less what the list has of them.
 */
import { throwIfAborted } from "../../../errors.ts";
import { matrix, meanOf } from "../../../linalg/index.ts";
import { RowSet } from "../../row-set.ts";
import type { Changes, IndexParts } from "./changes.ts";
import { residualsOf } from "./damage.ts";
import type { DraftRow } from "./draft.ts";
import { isDamage } from "./postings.ts";

/** A list whose centre is lost. */
interface Headless {
  readonly list: number;
  readonly ids: Uint32Array;
  /** rows x dim, centre taken away. */
  readonly residuals: Float32Array;
}

/** Within a turn of changes. A list whose rows have no copies elsewhere is lost. */
export async function restore(
  parts: IndexParts,
  changes: Changes,
  { signal }: { readonly signal?: AbortSignal },
): Promise<void> {
  await bringBackRows(parts, changes, signal);
  const { lists } = parts.damage;
  if (lists.length === 0) return;
  const headless: Headless[] = [];
  for (const list of lists) {
    const rows = parts.reader.directory.counts[list]!;
    const residuals = rows > 0 ? await residualsOf(parts.postings, list, rows) : undefined;
    if (residuals) headless.push({ list, residuals, ids: parts.postings.readIds(list, rows) });
  }
  const known = await copiesOf(parts, changes, headless, signal);
  const centres = centresOf(headless, known);
  // all at once: pages of heads that are written in part would say that the other lists were given up
  await changes.change(
    "repair",
    async (_, draft, heads) => {
      for (const list of lists) draft.replace(list, []);
      for (const one of headless) {
        await draft.breathe();
        const centre = centres.get(one.list);
        if (!centre) continue;
        heads.set(one.list, centre);
        draft.replace(one.list, rowsOf(one, known, parts));
      }
    },
    "by themselves",
  );
  await parts.heads.relink({ seed: parts.about.seed });
}

/** Rows of which it is not known whether they were deleted are there if they lie in a list. */
async function bringBackRows(
  { damage, postings, reader, heads, live }: IndexParts,
  changes: Changes,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (damage.rows.length === 0) return;
  for (const [from, to] of damage.rows) live.touch(from, to);
  for (let list = 0; list < heads.count; list++) {
    throwIfAborted(signal, "repair");
    await changes.breathe("repair");
    for (const id of postings.soundOf(list, reader.directory.counts[list]!).ids ?? [])
      if (damage.rows.some(([from, to]) => id >= from && id < to)) live.add(id);
  }
}

/** Rows of the lists as other lists have them. */
async function copiesOf(
  { heads, postings, reader, damage }: IndexParts,
  changes: Changes,
  headless: readonly Headless[],
  signal: AbortSignal | undefined,
): Promise<Map<number, Float32Array>> {
  const lost = new Set(damage.lists);
  const wanted = new RowSet();
  for (const { ids } of headless) for (const id of ids) wanted.add(id);
  const known = new Map<number, Float32Array>();
  const { coder } = postings.shape;
  for (let list = 0; list < heads.count; list++) {
    const rows = reader.directory.counts[list]!;
    if (rows === 0 || lost.has(list)) continue;
    throwIfAborted(signal, "repair");
    await changes.breathe("repair");
    try {
      const { ids, fine } = await postings.readWhole(list, rows);
      if (!ids.some((id) => wanted.has(id))) continue;
      const values = coder.decode(fine, heads.centre(list));
      ids.forEach((id, i) => {
        if (wanted.has(id)) known.set(id, values.slice(i * coder.dim, (i + 1) * coder.dim));
      });
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  return known;
}

/** Mean of where the list's rows are, less what it has of them. */
function centreOf(
  { ids, residuals }: Headless,
  known: ReadonlyMap<number, Float32Array>,
): Float32Array | undefined {
  const dim = residuals.length / ids.length;
  const places = Array.from(ids.keys()).filter((place) => known.has(ids[place]!));
  if (places.length === 0) return undefined;
  const centres = matrix(places.length, dim);
  places.forEach((place, r) => {
    const values = known.get(ids[place]!)!;
    for (let i = 0; i < dim; i++) centres.data[r * dim + i] = values[i]! - residuals[place * dim + i]!;
  });
  return Float32Array.from(meanOf(centres));
}

/** Centres of the lists, as far as they can be told; rows whose places they tell become known, and tell those of further lists. */
function centresOf(
  headless: readonly Headless[],
  known: Map<number, Float32Array>,
): Map<number, Float32Array> {
  const centres = new Map<number, Float32Array>();
  for (let before = -1; before < centres.size; ) {
    before = centres.size;
    for (const one of headless) {
      const centre = centres.has(one.list) ? undefined : centreOf(one, known);
      if (!centre) continue;
      centres.set(one.list, centre);
      const { ids, residuals } = one;
      ids.forEach((id, place) => {
        const at = place * centre.length;
        if (!known.has(id))
          known.set(
            id,
            centre.map((value, i) => value + residuals[at + i]!),
          );
      });
    }
  }
  return centres;
}

function rowsOf(
  { ids }: Headless,
  known: ReadonlyMap<number, Float32Array>,
  { live }: IndexParts,
): DraftRow[] {
  return Array.from(ids, (id) => ({ id, values: known.get(id)! })).filter(({ id }) => live.has(id));
}
