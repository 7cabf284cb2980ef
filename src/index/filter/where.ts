/** Where: the filter language over metadata. One meaning in the library, the CLI, HTTP, MCP and the console. */

export type Scalar = string | number | boolean | null;
export type MetaValue = Scalar | readonly Scalar[];
/** Metadata of an item. Dates are ISO strings or milliseconds, compared within their own type. */
export type Meta = Readonly<Record<string, MetaValue>>;

/** A field that holds a list matches when any of its values does. */
export interface Condition {
  readonly eq?: Scalar;
  readonly ne?: Scalar;
  readonly in?: readonly Scalar[];
  readonly nin?: readonly Scalar[];
  readonly gt?: number | string;
  readonly gte?: number | string;
  readonly lt?: number | string;
  readonly lte?: number | string;
  readonly exists?: boolean;
  /** String begins with, e.g. paths. */
  readonly startsWith?: string;
}

/** All entries must hold. `and`, `or`, `not` nest; a field of one of these names is written in `fields`. */
export interface Where {
  readonly and?: readonly Where[];
  readonly or?: readonly Where[];
  readonly not?: Where;
  readonly fields?: Readonly<Record<string, Condition | Scalar>>;
  readonly [field: string]:
    | Condition
    | Scalar
    | readonly Where[]
    | Where
    | Readonly<Record<string, Condition | Scalar>>
    | undefined;
}
