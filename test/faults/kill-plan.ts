/** What the killed writer does: operation n follows from n alone, so what a library must hold after any of them can be computed. */
import { createHash } from "node:crypto";
import type { ForgetSelector, Item } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";

/** Operations in turn. "settle" waits for background work: flushing the tail, merging segments. */
const TURN = [
  "one",
  "several",
  "replace",
  "bulk",
  "forget",
  "together",
  "several",
  "settle",
  "one",
  "replace in bulk",
  "settle",
  "forget by filter",
] as const;
export type Kind = (typeof TURN)[number] | "compact";
const SEVERAL = 250;
const COMPACT_EVERY = 10 * TURN.length;

/** Items of one call, and sentences of each. Bulk is 1.2 MB of text, which becomes a segment at once; "several" fills a quarter of a tail. */
const SIZES: Partial<Record<Kind, { readonly items: number; readonly sentences: number }>> = {
  one: { items: 1, sentences: 20 },
  several: { items: SEVERAL, sentences: 6 },
  replace: { items: 12, sentences: 40 },
  bulk: { items: 150, sentences: 280 },
  together: { items: 4, sentences: 8 },
  "replace in bulk": { items: 150, sentences: 280 },
};
/** Operations for which an item lives, but for one in KEPT: the library grows slowly. */
const LIFE = 2 * TURN.length;
const KEPT = 50;

export interface Operation {
  readonly number: number;
  readonly kind: Kind;
  /** Each list is one call of `add`, all made at once; each is all or nothing. */
  readonly adds?: readonly (readonly Item[])[];
  readonly forget?: ForgetSelector;
  readonly verb?: "idle" | "compact";
}

export function operation(number: number): Operation {
  const kind = kindOf(number);
  switch (kind) {
    case "one":
    case "several":
    case "bulk":
      return { number, kind, adds: [fresh(number)] };
    case "together":
      return { number, kind, adds: fresh(number).map((item) => [item]) };
    case "replace":
    case "replace in bulk":
      return { number, kind, adds: [replacing(number)] };
    case "forget":
      return { number, kind, forget: { ids: forgotten(number) } };
    case "forget by filter":
      return { number, kind, forget: { where: { kept: false, operation: { lt: number - LIFE } } } };
    case "settle":
      return { number, kind, verb: "idle" };
    case "compact":
      return { number, kind, verb: "compact" };
    default:
      return kind satisfies never;
  }
}

export function kindOf(number: number): Kind {
  return number % COMPACT_EVERY === 0 ? "compact" : TURN[number % TURN.length]!;
}

/** The item `id` as operation `number` writes it. */
export function itemOf(id: string, number: number): Item {
  const place = placeOf(id);
  const random = new Random(number * 1000 + place);
  const sentences = Array.from(
    { length: SIZES[kindOf(number)]!.sentences },
    () => `Some ${random.integer(1000)} words to fill ${random.integer(1000)}.`,
  );
  return {
    id,
    text: `# Item ${id}\n\n${wordOf(id, number)} ${sentences.join(" ")}`,
    meta: { operation: number, kept: isKept(id) },
  };
}

/** The word that only this version of this item holds: near no other, so that no fuzzy search takes one for the other. */
export function wordOf(id: string, number: number): string {
  return `w${createHash("sha256").update(`${id} ${number}`).digest("hex").slice(0, 20)}`;
}

/** Whether `operation` forgets an item that was last written by operation `written`. */
export function forgets({ number, kind, forget }: Operation, id: string, written: number): boolean {
  if (forget?.ids) return forget.ids.includes(id);
  return kind === "forget by filter" && !isKept(id) && written < number - LIFE;
}

function fresh(number: number): Item[] {
  const { items } = SIZES[kindOf(number)]!;
  return Array.from({ length: items }, (_, i) => itemOf(`${number}-${i}`, number));
}

/** Ids of the turn before, there or not. */
function replacing(number: number): Item[] {
  const random = new Random(number);
  const ids = new Set<string>();
  while (ids.size < SIZES[kindOf(number)]!.items)
    ids.add(`${Math.max(1, number - 1 - random.integer(TURN.length))}-${random.integer(SEVERAL)}`);
  return [...ids].map((id) => itemOf(id, number));
}

/** Ids of one turn, half a life ago. */
function forgotten(number: number): string[] {
  const last = number - LIFE / 2;
  const numbers = Array.from({ length: TURN.length }, (_, i) => last - i).filter((one) => one > 0);
  return numbers.flatMap((one) => Array.from({ length: SEVERAL }, (_, i) => `${one}-${i}`)).filter(isGoing);
}

const placeOf = (id: string): number => Number(id.split("-")[1]);
const isKept = (id: string): boolean => placeOf(id) % KEPT === 0;
const isGoing = (id: string): boolean => !isKept(id);
