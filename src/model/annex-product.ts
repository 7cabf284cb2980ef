/**
 * Products whose weights lie in another memory than the activations: these go over, the results come back. Copied are kilobytes a token,
 * read are megabytes of weights.
 */
import { type Form, type Pool, Program, type Region, type Stage, type WasmFace } from "../kernels/index.ts";
import type { LinearWeights } from "../weights/linear-weights.ts";
import { type Inputs, inputRegions, productRoom, productStage } from "./products.ts";
import { MOST_TOKENS } from "./step-tables.ts";

/** Of a further memory: what its products work in, one after the other. */
export class AnnexRoom implements Disposable {
  readonly face: WasmFace;
  readonly x: Inputs;
  readonly rows: Region;
  #out: Region;

  /** @param columns of the widest matrix */
  constructor(face: WasmFace, columns: number) {
    this.face = face;
    this.x = inputRegions(face.arena, columns);
    this.rows = face.arena.alloc(productRoom(columns));
    this.#out = face.arena.alloc(64);
  }

  out(bytes: number): Region {
    if (this.#out.byteLength < bytes) {
      this.#out[Symbol.dispose]();
      this.#out = this.face.arena.alloc(bytes);
    }
    return this.#out;
  }

  get bytes(): number {
    const regions = [...Object.values(this.x), this.rows, this.#out] as Region[];
    return regions.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  [Symbol.dispose](): void {
    for (const one of [...Object.values(this.x), this.rows, this.#out]) one[Symbol.dispose]();
  }
}

export class AnnexProduct implements Disposable {
  readonly #weights: LinearWeights;
  readonly #from: Inputs;
  readonly #room: AnnexRoom;
  readonly #program: Program;
  readonly #stage: Stage;
  readonly #tasks: number;
  readonly #onto: boolean;

  /** @param from activations in the memory of the step, of this form. @param onto whether results are added to what is there */
  constructor(weights: LinearWeights, from: Inputs, room: AnnexRoom, onto: boolean, form: Form) {
    this.#weights = weights;
    this.#from = from;
    this.#room = room;
    this.#onto = onto;
    this.#program = new Program(room.face, 1);
    const { stage, tasks } = productStage(this.#program, weights, room.x, room.rows, form);
    this.#stage = stage;
    this.#tasks = tasks;
    stage.set(10, onto ? 1 : 0);
  }

  /** @param to f32 [tokens x rows], in the memory of the step */
  run(tokens: number, to: Region, threads: (face: WasmFace) => Pool | undefined): void {
    if (tokens === 0) return;
    const { precision, rows } = this.#weights;
    const padded = tokens === 1 ? 1 : Math.ceil(tokens / 8) * 8;
    for (const part of precision === "bf16"
      ? (["values"] as const)
      : (["codes", "scales", "sums"] as const)) {
      const bytes = (this.#from[part].byteLength / MOST_TOKENS) * padded;
      this.#room.x[part].u8().set(this.#from[part].u8().subarray(0, bytes));
    }
    const out = this.#room.out(padded * rows * 4);
    const bytes = tokens * rows * 4;
    if (this.#onto) out.u8().set(to.u8().subarray(0, bytes));
    this.#stage.set(0, tokens);
    this.#stage.set(8, out.pointer);
    this.#stage.tasks = this.#tasks;
    this.#program.run(threads(this.#room.face));
    to.u8().set(out.u8().subarray(0, bytes));
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}
