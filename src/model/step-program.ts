/** The program of a step as it is put together: stages of tokens and products, and the products whose weights lie in another memory. */
import {
  type Form,
  type Pool,
  Program,
  type Region,
  type Stage,
  type StageKind,
  type WasmFace,
} from "../kernels/index.ts";
import type { LinearWeights } from "../weights/linear-weights.ts";
import { AnnexProduct, AnnexRoom } from "./annex-product.ts";
import { type Inputs, productRoom, productStage } from "./products.ts";

/** Threads over a memory, where there are any. */
export type Threads = (face: WasmFace) => Pool | undefined;

/** Tokens of a task of the small stages. */
const FEW_TOKENS = 4;

/** A product that may be left out of a step. */
export interface Product {
  /** Where its weights lie in the step's own memory. */
  readonly stage: Stage | undefined;
  isWanted: boolean;
}

/** What is done for all tokens of a step, or for those alone whose logits are wanted. */
interface Share {
  /** Stages whose tasks are tokens, `some` each. */
  readonly byTokens: { readonly stage: Stage; readonly some: number }[];
  readonly products: { readonly stage: Stage; readonly tasks: number; readonly product: Product }[];
  count: number;
}

/** What is done before stage number `before` begins. */
interface Stop {
  readonly before: number;
  readonly act: () => void;
  /** Left out of later steps. */
  readonly isOnce: boolean;
}

export class StepProgram implements Disposable {
  readonly #face: WasmFace;
  readonly #widest: number;
  readonly #form: Form;
  readonly #threads: Threads;
  readonly #program: Program;
  /** Rows of weights that each task of a product widens. */
  readonly #rows: Region;
  readonly #all: Share = { byTokens: [], products: [], count: 0 };
  readonly #wanted: Share = { byTokens: [], products: [], count: 0 };
  #share = this.#all;
  #stops: readonly Stop[] = [];
  readonly #annexes: Disposable[] = [];
  readonly #rooms = new Map<WasmFace, AnnexRoom>();

  /** @param stages at most. @param widest columns of a product's weights at most. @param form of products' inputs */
  constructor(face: WasmFace, stages: number, widest: number, threads: Threads, form: Form) {
    this.#form = form;
    this.#face = face;
    this.#widest = widest;
    this.#threads = threads;
    this.#program = new Program(face, stages);
    this.#rows = face.arena.alloc(productRoom(widest));
  }

  get bytes(): number {
    const rooms = [...this.#rooms.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    return this.#program.bytes + this.#rows.byteLength + rooms;
  }

  add(kind: StageKind, args: readonly number[] = []): Stage {
    return this.#program.add(kind, args);
  }

  /** A stage of (tokens, a task's tokens, ...args). */
  addOfTokens(kind: "norm" | "gate" | "add", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, FEW_TOKENS, ...args]);
    this.#share.byTokens.push({ stage, some: FEW_TOKENS });
    return stage;
  }

  /** A stage of (tokens, ...args) with a task for each token. */
  addOfToken(kind: "append" | "merge", args: readonly number[]): Stage {
    const stage = this.#program.add(kind, [0, ...args]);
    this.#share.byTokens.push({ stage, some: 1 });
    return stage;
  }

  /** @param out f32 [tokens x rows], looked up at each run where the weights lie elsewhere. @param onto whether results are added to it */
  addProduct(weights: LinearWeights, x: Inputs, out: () => Region, onto: boolean): Product {
    const share = this.#share;
    if (weights.face !== this.#face) {
      const product = { stage: undefined, isWanted: true };
      const there = new AnnexProduct(weights, x, this.#annexRoom(weights.face), onto, this.#form);
      this.#annexes.push(there);
      this.#addStop(() => {
        if (product.isWanted) there.run(share.count, out(), this.#threads);
      });
      return product;
    }
    const { stage, tasks } = productStage(this.#program, weights, x, this.#rows, this.#form);
    stage.set(8, out().pointer);
    stage.set(10, onto ? 1 : 0);
    const product = { stage, isWanted: true };
    share.products.push({ stage, tasks, product });
    return product;
  }

  /** What is done once, by the first step that comes here: a step where it throws ends there, and the next one tries again. */
  addOnce(act: () => void): void {
    this.#addStop(act, true);
  }

  #addStop(act: () => void, isOnce = false): void {
    this.#stops = [...this.#stops, { before: this.#program.stages, act, isOnce }];
  }

  /** What is added from here on is done only for tokens whose logits are wanted. */
  beginWanted(): void {
    this.#share = this.#wanted;
  }

  /** @param rows tokens of the step. @param wanted those whose logits are wanted */
  setTokens(rows: number, wanted: number): void {
    this.#all.count = rows;
    this.#wanted.count = wanted;
    for (const { byTokens, products, count } of [this.#all, this.#wanted]) {
      for (const { stage, some } of byTokens) {
        stage.set(0, count);
        stage.tasks = Math.ceil(count / some);
      }
      for (const { stage, tasks, product } of products) {
        stage.set(0, count);
        stage.tasks = count > 0 && product.isWanted ? tasks : 0;
      }
    }
  }

  /** All stages, and between them what is not one: products in other memories. @throws MnemeError INTERNAL; what is done once */
  run(): void {
    const pool = this.#threads(this.#face);
    let done = 0;
    for (const { before, act } of this.#stops) {
      this.#program.run(pool, done, before);
      act();
      done = before;
    }
    this.#program.run(pool, done);
    this.#stops = this.#stops.filter(({ isOnce }) => !isOnce);
  }

  #annexRoom(face: WasmFace): AnnexRoom {
    const room = this.#rooms.get(face) ?? new AnnexRoom(face, this.#widest);
    this.#rooms.set(face, room);
    return room;
  }

  [Symbol.dispose](): void {
    for (const there of this.#annexes.splice(0)) there[Symbol.dispose]();
    for (const room of this.#rooms.values()) room[Symbol.dispose]();
    this.#rooms.clear();
    this.#program[Symbol.dispose]();
    this.#rows[Symbol.dispose]();
  }
}
