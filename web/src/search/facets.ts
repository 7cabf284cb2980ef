/** Facets: which fields the library has, their values with counts, and the filter that the chosen ones make. */
import { type Signal, signal } from "@preact/signals";
import type { Scalar, Where } from "../../../src/index/filter/where.ts";
import { get } from "../api.ts";

export interface Facet {
  readonly field: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
}

/** Chosen values by field. */
export type Chosen = Readonly<Record<string, readonly string[]>>;

export const facets: Signal<readonly Facet[]> = signal([]);
export const chosen: Signal<Chosen> = signal({});

const MOST_FIELDS = 6;
const MOST_VALUES = 40;

/** The filter of what is chosen: any value of a field, all fields together. */
export function filterOf(choice: Chosen): Where | undefined {
  const fields = Object.entries(choice).filter(([, values]) => values.length > 0);
  if (fields.length === 0) return undefined;
  return {
    fields: Object.fromEntries(fields.map(([field, values]) => [field, { in: values.flatMap(typed) }])),
  };
}

/** Facets come as text; the value itself may be a number or a truth value. */
function typed(value: string): Scalar[] {
  const number = Number(value);
  const asNumber = value !== "" && String(number) === value ? [number] : [];
  const asTruth = value === "true" || value === "false" ? [value === "true"] : [];
  return [value, ...asNumber, ...asTruth];
}

export function toggle(field: string, value: string): void {
  const values = chosen.value[field] ?? [];
  const next = values.includes(value) ? values.filter((v) => v !== value) : [...values, value];
  chosen.value = { ...chosen.value, [field]: next };
}

/** Reads the facets anew. A field's counts heed the choices in all other fields, as one expects of "or" within a field. */
export async function loadFacets(signal: AbortSignal): Promise<void> {
  const { fields } = await get<{ fields: { field: string }[] }>("/v1/facets", signal);
  const names = fields.slice(0, 2 * MOST_FIELDS).map(({ field }) => field);
  const all = await Promise.all(names.map((field) => loadField(field, signal)));
  facets.value = all.filter(isUseful).slice(0, MOST_FIELDS);
}

async function loadField(field: string, signal: AbortSignal): Promise<Facet> {
  const others = filterOf({ ...chosen.value, [field]: [] });
  const query = new URLSearchParams({
    limit: String(MOST_VALUES),
    ...(others ? { where: JSON.stringify(others) } : {}),
  });
  return get<Facet>(`/v1/facets/${encodeURIComponent(field)}?${query}`, signal);
}

/** A field with one value, or whose every value stands once (a path, a date), divides nothing. */
function isUseful({ field, values }: Facet): boolean {
  if ((chosen.value[field] ?? []).length > 0) return true;
  return values.length > 1 && (values[0]!.count > 1 || values.length <= 5);
}
