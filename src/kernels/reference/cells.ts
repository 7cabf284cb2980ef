/** The plain twin of kernels/cells.ts: every row of the cells is scored by its levels one by one. Queries are taken as they are. */
import type { CellContents, CellSearch } from "../cells.ts";
import type { GraphView } from "../graph.ts";
import { coarseStride, type GraphShape, graphWidth } from "../graph-record.ts";

export interface ScoredSlot {
  readonly slot: number;
  readonly score: number;
}

const UNIT = 16_384;
const BLOCK_ROWS = 16;

export class ReferenceCells {
  readonly #shape: GraphShape;
  readonly #coarse: DataView;
  readonly #contents: CellContents;

  /** @param view of the graph of the centres, borrowed as are the contents */
  constructor(shape: GraphShape, { coarse }: GraphView, contents: CellContents) {
    this.#shape = shape;
    this.#coarse = new DataView(coarse.buffer, coarse.byteOffset, coarse.byteLength);
    this.#contents = contents;
  }

  /** The best rows of the cells nearest to the query by all centres, best first. */
  search(query: Float32Array, { probes, kept, allowed }: CellSearch): ScoredSlot[] {
    const { centred, offset, factor, bias } = this.#centre(query);
    const projected = this.#project(centred);
    const cells = this.#contents.starts.length - 1;
    return Array.from({ length: cells }, (_, cell) => ({ cell, key: this.#centreKey(projected, cell, bias) }))
      .sort((a, b) => b.key - a.key || a.cell - b.cell)
      .slice(0, probes)
      .flatMap(({ cell, key }) =>
        this.#slots(cell).map((slot) => ({ slot, key: key + this.#rowKey(projected, cell, slot) })),
      )
      .filter(({ slot }) => {
        const id = this.#contents.ids[slot]!;
        return !allowed || ((allowed[id >>> 5] ?? 0) >>> (id & 31)) % 2 === 1;
      })
      .sort((a, b) => b.key - a.key || a.slot - b.slot)
      .slice(0, kept)
      .map(({ slot, key }) => ({ slot, score: offset + factor * key }));
  }

  #centre(query: Float32Array): { centred: number[]; offset: number; factor: number; bias: number } {
    const { metric, mean } = this.#shape;
    const length = metric === "cosine" ? Math.hypot(...query) : 1;
    const centred = Array.from(query, (value, i) => (metric === "dot" ? value : value / length - mean[i]!));
    const square = centred.reduce((sum, value) => sum + value * value, 0);
    if (metric === "dot")
      return {
        centred,
        offset: centred.reduce((sum, value, i) => sum + value * mean[i]!, 0),
        factor: 1,
        bias: 0,
      };
    return metric === "cosine"
      ? { centred, offset: 1 - square / 2, factor: 1, bias: 1 }
      : { centred, offset: -square, factor: 2, bias: 1 };
  }

  #project(centred: readonly number[]): number[] {
    const { dims, dim, projection } = this.#shape;
    const width = graphWidth(dim);
    return Array.from({ length: dims }, (_, j) =>
      centred.reduce((sum, value, c) => sum + (value * projection![j * width + c]!) / UNIT, 0),
    );
  }

  #centreKey(projected: readonly number[], cell: number, bias: number): number {
    const { dims } = this.#shape;
    const at = cell * coarseStride(dims);
    const product = projected.reduce((sum, value, j) => sum + value * this.#coarse.getInt8(at + j), 0);
    return (
      product * this.#coarse.getFloat32(at + dims, true) + bias * this.#coarse.getFloat32(at + dims + 4, true)
    );
  }

  #slots(cell: number): number[] {
    const [first, end] = [this.#contents.starts[cell]!, this.#contents.starts[cell + 1]!];
    return Array.from({ length: end - first }, (_, i) => first + i);
  }

  /** What a row's code adds to the key of its cell. */
  #rowKey(projected: readonly number[], cell: number, slot: number): number {
    const { bits, factors, addends, ranges } = this.#contents;
    const product = projected.reduce(
      (sum, value, j) => sum + value * (this.#level(slot, j) - (2 ** bits - 1) / 2),
      0,
    );
    const factor = ranges[cell * 4]! + ranges[cell * 4 + 1]! * factors[slot]!;
    return factor * product + ranges[cell * 4 + 2]! + ranges[cell * 4 + 3]! * addends[slot]!;
  }

  #level(slot: number, j: number): number {
    const { bits, blocks } = this.#contents;
    const groups = this.#shape.dims / 8;
    const lane = slot % BLOCK_ROWS;
    let level = 0;
    for (let bit = 0; bit < bits; bit++) {
      const group = (Math.floor(slot / BLOCK_ROWS) * bits + bit) * groups + (j >> 3);
      level += ((blocks[group * BLOCK_ROWS + lane]! >> (j & 7)) & 1) << bit;
    }
    return level;
  }
}
