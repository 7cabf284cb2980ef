/** Cosines and sines of a step's positions, a row a token, for each way in which layers rotate queries and keys. */
import type { Region, WasmFace } from "../kernels/index.ts";
import type { ModelConfig, Rope } from "./config.ts";
import { frequenciesOf, writeAngles } from "./rope.ts";
import { MOST_TOKENS } from "./step-tables.ts";
import type { LayerKind } from "./variants.ts";

interface Table {
  readonly frequencies: Float64Array;
  /** Factor on cosines and sines. */
  readonly stretch: number;
  readonly room: Region;
}

export class Angles implements Disposable {
  readonly #dim: number;
  readonly #global: Table;
  readonly #local: Table | undefined;

  constructor({ arena }: WasmFace, { rope, localRope, headDim }: ModelConfig) {
    this.#dim = headDim;
    const table = (one: Rope): Table => ({
      frequencies: frequenciesOf(one, headDim),
      stretch: one.scaling?.type === "yarn" ? one.scaling.attention : 1,
      room: arena.alloc(MOST_TOKENS * headDim * 4),
    });
    this.#global = table(rope);
    this.#local = localRope && table(localRope);
  }

  /** Where a kind of layer finds its rows; 0 for layers that do not rotate. */
  pointerOf(kind: LayerKind["rope"]): number {
    return { global: this.#global, local: this.#local, none: undefined }[kind]?.room.pointer ?? 0;
  }

  get bytes(): number {
    return this.#tables.reduce((sum, { room }) => sum + room.byteLength, 0);
  }

  write(row: number, position: number): void {
    for (const { frequencies, stretch, room } of this.#tables) {
      const to = room.f32().subarray(row * this.#dim, (row + 1) * this.#dim);
      writeAngles(frequencies, position, to, stretch);
    }
  }

  get #tables(): Table[] {
    return this.#local ? [this.#global, this.#local] : [this.#global];
  }

  [Symbol.dispose](): void {
    for (const { room } of this.#tables) room[Symbol.dispose]();
  }
}
