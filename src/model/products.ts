/** Products of a step: their inputs as the kernels take them, and the stage that multiplies weights with them. */
import {
  type Arena,
  FORMS,
  type Form,
  type Program,
  type Region,
  type Stage,
  type StageKind,
} from "../kernels/index.ts";
import { GROUP, type LinearWeights, type Precision, TILE_ROWS } from "../weights/linear-weights.ts";
import { MOST_TOKENS } from "./step-tables.ts";

export const ACTIVATIONS = ["int16", "int8"] as const;
/**
 * How inputs of products with int8 and int4 weights are rounded, in groups of 32: `int16` to 16 bits by an f32 scale, hardly at all; `int8` to
 * 8 bits by an f16 scale, as llama.cpp's processor backend rounds them (quantize_row_q8_0 of ggml).
 */
export type Activations = (typeof ACTIVATIONS)[number];

/** How inputs are rounded where nobody says how: for 4-bit weights to bytes, whose error is far below that of such weights (bench decode). */
export function activationsFor(precision: Precision): Activations {
  return precision === "int4" ? "int8" : "int16";
}

/** The same sums by blocks and by bytes: bytes are faster. */
export function formOf(activations: Activations, { precision, face }: LinearWeights): Form {
  if (activations === "int16") return FORMS.wide;
  return precision === "int4" && face.instance.isRelaxed ? FORMS.bytes : FORMS.blocks;
}

/** As f32, and as 16-bit codes with scales and sums; of MOST_TOKENS tokens. */
export interface Inputs {
  readonly values: Region;
  readonly codes: Region;
  readonly scales: Region;
  readonly sums: Region;
}

/** Tasks that a product is cut into, about. */
const TASKS = 16;
const ROWS_AT_LEAST = 16;
/** Of a group of columns of four rows, as products with several tokens widen them: pairs of 16 bits, and four scales. */
const WIDE_BYTES = 272;
/** Of a task, the sums of four rows with eight tokens (wasm/assembly/linear-many.ts). */
const SUM_BYTES = 128;

const KINDS = { int8: "linearI8", int4: "linearU4", bf16: "linearB16" } as const satisfies Record<
  Precision,
  StageKind
>;

export function inputRegions(arena: Arena, columns: number): Inputs {
  return {
    values: arena.alloc(MOST_TOKENS * columns * 4),
    codes: arena.alloc(MOST_TOKENS * columns * 2),
    scales: arena.alloc((MOST_TOKENS * columns * 4) / GROUP),
    sums: arena.alloc((MOST_TOKENS * columns * 4) / GROUP),
  };
}

/** Bytes in which the tasks of a product of `columns` widen rows. */
export const productRoom = (columns: number): number => TASKS * ((columns / GROUP) * WIDE_BYTES + SUM_BYTES);

/** All but the tokens (argument 0), the results' place (8) and whether they are added to what is there (10). @param form of x */
export function productStage(
  program: Program,
  weights: LinearWeights,
  x: Inputs,
  room: Region,
  form: Form,
): { readonly stage: Stage; readonly tasks: number } {
  const { rows, columns, precision, region } = weights;
  const some = Math.max(ROWS_AT_LEAST, Math.ceil(rows / TASKS / TILE_ROWS) * TILE_ROWS);
  const from = precision === "bf16" ? x.values : x.codes;
  const stage = program.add(KINDS[precision], [
    0,
    some,
    rows,
    columns,
    from.pointer,
    x.scales.pointer,
    x.sums.pointer,
  ]);
  stage.set(7, region.pointer);
  stage.set(9, rows * 4);
  stage.set(11, room.pointer);
  stage.set(12, form === FORMS.bytes ? 1 : 0);
  return { stage, tasks: Math.ceil(rows / some) };
}
