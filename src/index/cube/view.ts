/** What a search sees of a cube, whether it is one index in memory or the segments of a library. */
export interface CubeView {
  readonly dimensions: readonly string[];
  /** Rows that are filed. */
  readonly size: number;
  /** Rows of a label in a dimension, deleted ones too; 0 where there is no such label. */
  count(dimension: string, key: string): number;
  /** A label as it was written first. */
  labelOf(dimension: string, key: string): string | undefined;
  /** Calls `take` for each row of a label, ascending. */
  each(dimension: string, key: string, take: (row: number, times: number) => void): void;
  /** Keys of all labels of a dimension, each once. */
  keys(dimension: string): Iterable<string>;
}
