/**
 * The faces of the hot loops. Arguments are typed arrays, results go into the caller's arrays, nothing is allocated. Sizes are
 * trusted: the rooms above check them. Arrays that live in the arena are used in place, others are copied through a scratch region.
 */

/** Rows of codes: `count` rows, `stride` bytes from one to the next. */
export interface Rows {
  readonly data: Uint8Array | Int8Array;
  readonly count: number;
  readonly stride: number;
}

/** A scan of a text by runs, and the table that it looks them up in; made by a RunTable. All arrays lie in the arena. */
export interface RunScan {
  readonly units: Uint16Array;
  readonly kinds: Uint8Array;
  /** Entries of the runs found. */
  readonly out: Int32Array;
  /** Open addressing, a power of two of slots: in the low 20 bits an entry + 1 or 0, in the others those of its hash. */
  readonly slots: Uint32Array;
  /** 16 units an entry: a run of at most 15, zeros behind it, its length. */
  readonly keys: Uint16Array;
  /**
   * Where the scan stands: start, end, hash of the run that is not in the table, and 1 if it is short enough to be kept; then what the
   * kernel needs: byte offsets of units, kinds, units in the text, byte offsets of out, slots, mask of the slots, byte offset of keys.
   */
  readonly place: Uint32Array;
}

/** A 4-bit query on a grid: value = low + step x level. */
export interface OneBitQuery {
  /** 4 x bytes, bytes a multiple of 8. */
  readonly planes: Uint8Array;
  readonly step: number;
  readonly low: number;
  /** Half the sum of the query's values. */
  readonly half: number;
  readonly square: number;
  readonly metric: "dot" | "cosine" | "l2";
}

/** A query by tables of bytes: value = low + step x sum of the bytes looked up. */
export interface TableQuery {
  readonly step: number;
  readonly low: number;
  readonly square: number;
  readonly metric: "dot" | "cosine" | "l2";
}

/** A query by tables of bytes against codes of whole numbers: score = (low + step x sum of the bytes looked up) / |row| + shift. */
export interface LevelQuery {
  readonly step: number;
  readonly low: number;
  readonly shift: number;
  /** Whether bytes of four groups in a row may sum up to more than 255: each group is then widened on its own. */
  readonly wide: boolean;
}

/** Centroids in panels of 16, the last one filled up with infinitely far ones: 16 halves of |c|^2, then 16 values of each dimension. */
export interface Panels {
  readonly data: Float32Array;
  readonly dim: number;
}

export interface KernelFace {
  readonly name: "wasm" | "reference";
  /** out[r] = <query, row r>; rows: count x dim f32. */
  dotF32(query: Float32Array, rows: Float32Array, out: Float32Array): void;
  /** out[r] = |query - row r| squared. */
  l2F32(query: Float32Array, rows: Float32Array, out: Float32Array): void;
  /** out[r] = <query, first query.length values of row r>, exact in i32. */
  dotI8(query: Int8Array, rows: Rows, out: Int32Array): void;
  l2I8(query: Int8Array, rows: Rows, out: Int32Array): void;
  /** f32 query against i8 rows: no scale applied. */
  dotF32I8(query: Float32Array, rows: Rows, out: Float32Array): void;
  /**
   * out[i] = bases[i] + add - 2 scale <query, codes> of the row at byte places[i] of `rows`: query.length signed codes, f32 scale, f32 add.
   * Squared distances from what is left of rows when a centre is taken away.
   */
  distancesI8(
    query: Float32Array,
    rows: Uint8Array,
    places: Uint32Array,
    bases: Float32Array,
    out: Float32Array,
  ): void;
  /** f32 query against rows of unsigned 4-bit codes, two a byte, low nibble first. */
  dotF32U4(query: Float32Array, rows: Rows, out: Float32Array): void;
  /** out[r] = bits that differ in the first query.length bytes. */
  hamming(query: Uint8Array, rows: Rows, out: Uint32Array): void;
  /** planes: 4 x bytes, bytes a multiple of 8; out[r] = sum over j of 2^j popcount(plane j & first bytes of row r). */
  binaryDot4(planes: Uint8Array, rows: Rows, out: Int32Array): void;
  /**
   * 1-bit RaBitQ scores: binaryDot4, then per row factor (step sum + low ones - half), turned into the metric's score. A row ends in
   * f32 factor, the upper half of its f32 squared norm, u16 count of ones.
   */
  scoreOneBit(query: OneBitQuery, rows: Rows, out: Float32Array): void;
  /**
   * The same scores from blocks of 32 rows side by side: per group of four dimensions 16 bytes, byte i with the bits of row i below and of
   * row i + 16 above; then 32 f32 factors, 32 upper halves of f32 squared norms, 32 u16 counts of ones.
   * @param lut 16 bytes a group: the sum of the query's levels under each pattern of bits. @param out 32 scores a block
   */
  scanOneBit(query: OneBitQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void;
  /**
   * Scores from blocks of 32 rows side by side, as in scanOneBit: per 4 bits of a code 16 bytes, a multiple of four of them; then 32 upper
   * halves of f32 squared norms. @param lut 16 bytes a group; of four groups in a row the largest bytes sum up to at most 255
   */
  scanTables(query: TableQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void;
  /** The same for rows that have a factor each, of their products: behind the codes 32 upper halves of f32 factors, then those of squared norms. */
  scanScaledTables(query: TableQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void;
  /**
   * The same of codes of whole numbers: blocks end in u16 |row|^2, which are not zero. @param lut 16 bytes a group; all groups sum up to
   * at most 65535
   */
  scanLevels(query: LevelQuery, lut: Uint8Array, blocks: Uint8Array, out: Float32Array): void;
  /** out[r] = sum over bytes b of row r of tables[256 b + byte]; tables.length / 256 bytes. */
  sumTablesF32(tables: Float32Array, rows: Rows, out: Float32Array): void;
  /**
   * Nearest centroid of each row, the first of equal ones, and the squared distance to it. Row r are the panels' dim values from
   * r x stride on.
   */
  nearestF32(
    rows: Float32Array,
    stride: number,
    panels: Panels,
    out: Uint32Array,
    distances: Float32Array,
  ): void;
  /** out[r][c] = half of |c|^2 less <row r, c> for all centroids of the panels, those that fill up the last one too. Rows as above. */
  halfDistancesF32(rows: Float32Array, stride: number, panels: Panels, out: Float32Array): void;
  /** out[m x n] = a[m x k] b[k x n], row-major. */
  matmulF32(a: Float32Array, b: Float32Array, out: Float32Array, m: number, k: number, n: number): void;
  /** out[m x n] = a[m x k] (b[n x k]) transposed. */
  matmulTransposedF32(
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
    m: number,
    k: number,
    n: number,
  ): void;
  /** In place, unnormalised; dim a power of two that divides rows.length. */
  fwhtF32(rows: Float32Array, dim: number): void;
  /** Each row of dim values to unit length, in place; zero rows stay. */
  normalizeF32(rows: Float32Array, dim: number): void;
  /** Each row of factors.length values times the factors, in place. */
  scaleColumnsF32(rows: Float32Array, factors: Float32Array): void;
  /** Place of the first infinity or NaN, or -1. @param least exponent bits that are found too: values from 2^(least - 127) on; default 255, none */
  findNotFinite(values: Float32Array, least?: number): number;
  /**
   * Signs of rows of dim values as bits, 1 for not below zero; in the last 8 of `stride` bytes f32 2 |x|^2 / sum of |x|, the upper half of
   * f32 |x|^2 rounded, u16 count of ones. `codes` is zero at first.
   */
  encodeOneBit(rows: Float32Array, dim: number, stride: number, codes: Uint8Array): void;
  /** dim signed bytes a row, value / scale; then f32 scale = largest magnitude / 127, f32 squared norm of what they decode to. */
  encodeI8(rows: Float32Array, dim: number, codes: Uint8Array): void;
  /** out = codes x scale of their row. */
  dequantI8(codes: Int8Array, scales: Float32Array, dim: number, out: Float32Array): void;
  /** out[i] = minima[g] + code i x scales[g], g = floor(i / group). */
  dequantU4(
    codes: Uint8Array,
    scales: Float32Array,
    minima: Float32Array,
    group: number,
    out: Float32Array,
  ): void;
  /**
   * out[dim] = sum of weights[t] x scales[id] x table row id over the first `count` ids; rows of the table `stride` apart; no weights:
   * all one. Of each 512 rows the products weights x scales are rounded to 16 bits, relative to the largest.
   */
  gatherSumI8(
    table: Int8Array,
    scales: Float32Array,
    stride: number,
    ids: Uint32Array,
    weights: Float32Array | undefined,
    count: number,
    out: Float32Array,
  ): void;
  /** Ordinals with scores >= threshold, ascending, into out. @returns how many there are, also when out is too short */
  selectAbove(scores: Float32Array, threshold: number, out: Uint32Array): number;
  /** A-Z to a-z in the first `count` units, in place. @returns all units or-ed: below 128 the text is ASCII */
  foldAscii(units: Uint16Array, count: number): number;
  /** kinds[i] = table[unit i] for the first `count` units, then 16 bytes of 255. @returns the largest kind met */
  classify(units: Uint16Array, count: number, table: Uint8Array, kinds: Uint8Array): number;
  /**
   * Cuts a text into runs from unit place[1] on and writes the entry of each behind the `before` ones in `out`, until one is not in the
   * table. At the end of the text place[0] is 2^32 - 1. @returns how many entries there are
   */
  scanRuns(split: "words" | "pieces", scan: RunScan, before: number): number;
  /**
   * Byte-pair merges of tokens[0, count), in place: the pair of lowest rank first, leftmost of equals. `slots` is a table by open
   * addressing, a power of two of pairs: left token << 16 | right token, rank << 16 | merged token or 2^32 - 1; the place of a pair is the
   * high bits of its product with 0x9e3779b1. @returns how many tokens remain
   */
  mergePairs(tokens: Uint16Array, count: number, slots: Uint32Array): number;
  /** Wrapping i32 sum of whole 64-byte lines: the bandwidth probe. */
  sumBytes(data: Uint8Array): number;
}
