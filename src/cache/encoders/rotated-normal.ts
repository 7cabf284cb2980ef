/**
 * Rows less their mean, turned so that every coordinate is about normal, then the best levels for a normal number and one length a row
 * (Zandieh et al., TurboQuant: Online Vector Quantization with Near-optimal Distortion Rate, 2025). The mean comes first: channels that are
 * large in all tokens would take the levels from the rest.
 */
import { levelOf, normalLevels } from "../../codecs/lloyd-max.ts";
import { codeBytes, levelAt, packLevels } from "../../codecs/rabitq.ts";
import { MnemeError } from "../../errors.ts";
import { fromHalf, toHalf } from "../../half.ts";
import { HadamardRotation } from "../../linalg/rotation.ts";
import { checkWhole } from "../checks.ts";
import { checkBits, checkHeadRows, type HeadRows, type RowEncoder } from "./encoder.ts";

/** Rotary positions of keys. */
export interface Rotary {
  rotate(row: Float32Array, position: number): void;
  unrotate(row: Float32Array, position: number): void;
}

export interface RotatedNormalOptions {
  readonly bits: number;
  /**
   * none; page: of each `page` slots as they are; before: of all slots, before they were rotated to their positions (then they are
   * kept so, and rotated when read), which needs `rotary`.
   */
  readonly mean?: "none" | "page" | "before";
  /** Slots of a page; default 64. */
  readonly page?: number;
  readonly rotary?: Rotary;
  readonly seed?: number;
}

/** @throws MnemeError RANGE, ARGUMENT; encode: DIMENSION, NOT_FINITE */
export function rotatedNormal({
  bits,
  mean = "page",
  page = 64,
  rotary,
  seed = 1,
}: RotatedNormalOptions): RowEncoder {
  const id = `normal${bits}-${mean}`;
  checkBits(id, bits);
  checkWhole(id, "page", page, 1);
  if (mean === "before" && !rotary)
    throw new MnemeError("ARGUMENT", `${id}: a mean before rotation needs the rotary positions; give rotary`);
  return {
    id,
    encode(head) {
      checkHeadRows(id, head);
      const turned = rotary && mean === "before" ? { ...head, rows: turn(head, rotary.unrotate) } : head;
      const slots = head.positions.length;
      const means = mean === "none" ? undefined : meansOf(turned, mean === "page" ? page : slots);
      const coded = normalCodes(without(turned, means), head.dim, bits, seed);
      return {
        bytes: coded.bytes + (means ? means.halves.byteLength : 0),
        decode() {
          const rows = withMeans(coded.decode(), head.dim, means);
          return rotary && mean === "before" ? turn({ ...head, rows }, rotary.rotate) : rows;
        },
      };
    },
  };
}

function turn(
  { rows, dim, positions }: HeadRows,
  by: (row: Float32Array, position: number) => void,
): Float32Array {
  const out = rows.slice();
  positions.forEach((position, s) => by(out.subarray(s * dim, (s + 1) * dim), position));
  return out;
}

interface Means {
  readonly slots: number;
  /** Of each page `dim` halves. */
  readonly halves: Uint16Array;
}

function meansOf({ rows, dim, positions }: HeadRows, slots: number): Means {
  const pages = Math.ceil(positions.length / Math.max(1, slots));
  const halves = new Uint16Array(pages * dim);
  for (let p = 0; p < pages; p++) {
    const some = rows.subarray(p * slots * dim, (p + 1) * slots * dim);
    for (let i = 0; i < dim; i++) {
      let sum = 0;
      for (let at = i; at < some.length; at += dim) sum += some[at]!;
      halves[p * dim + i] = toHalf((sum * dim) / some.length);
    }
  }
  return { slots, halves };
}

const meanAt = ({ slots, halves }: Means, dim: number, i: number): number =>
  fromHalf(halves[Math.floor(i / (slots * dim)) * dim + (i % dim)]!);

function without({ rows, dim }: HeadRows, means: Means | undefined): Float32Array {
  return means ? rows.map((value, i) => value - meanAt(means, dim, i)) : rows.slice();
}

function withMeans(rows: Float32Array, dim: number, means: Means | undefined): Float32Array {
  return means ? rows.map((value, i) => value + meanAt(means, dim, i)) : rows;
}

/** Codes of rows, which are changed, and of each row a half: the length of a coordinate. */
function normalCodes(
  rows: Float32Array,
  dim: number,
  bits: number,
  seed: number,
): { readonly bytes: number; decode(): Float32Array } {
  const rotation = new HadamardRotation(dim, seed);
  const normal = normalLevels(bits);
  const stride = codeBytes(dim, bits);
  const slots = rows.length / dim;
  rotation.apply(rows);
  const codes = new Uint8Array(slots * stride);
  const lengths = Uint16Array.from({ length: slots }, (_, s) => {
    const row = rows.subarray(s * dim, (s + 1) * dim);
    const length = toHalf(Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / dim));
    const by = fromHalf(length);
    packLevels(
      Array.from(row, (value) => levelOf(by > 0 ? value / by : 0, normal)),
      bits,
      codes,
      s * stride,
    );
    return length;
  });
  return {
    bytes: codes.byteLength + lengths.byteLength,
    decode() {
      const out = new Float32Array(slots * dim);
      for (let i = 0; i < out.length; i++) {
        const s = Math.floor(i / dim);
        out[i] = fromHalf(lengths[s]!) * normal.levels[levelAt(codes, s * stride, i % dim, bits)]!;
      }
      rotation.invert(out);
      return out;
    },
  };
}
