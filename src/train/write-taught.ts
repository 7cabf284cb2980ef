/** A copy of a checkpoint's folder with other values in some of its tensors, stored as they were. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";
import { parseSafetensors } from "../storage/safetensors.ts";

/** How values of a dtype are written: their 32 bits to the bytes at a place. */
const WRITERS: Readonly<Record<string, (values: Float32Array) => Uint8Array>> = {
  F32: (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  BF16: (values) => {
    const bits = new Uint32Array(values.slice().buffer);
    // to the nearest, of two as near the even one
    const halves = Uint16Array.from(bits, (bit) => (bit + 0x7fff + ((bit >>> 16) & 1)) >>> 16);
    return new Uint8Array(halves.buffer);
  },
};

/** @throws MnemeError EXISTS before anything is taught */
export function checkFree(to: string): void {
  if (existsSync(to)) throw new MnemeError("EXISTS", `train: ${to} is already there; name another folder`);
}

/**
 * @param tensors values by name, row-major
 * @throws MnemeError EXISTS, UNSUPPORTED for a dtype that is neither f32 nor bf16, FORMAT where a tensor is missing or has other sides
 */
export function writeTaught(from: string, to: string, tensors: ReadonlyMap<string, Float32Array>): void {
  checkFree(to);
  const names = readdirSync(from);
  const left = new Set(tensors.keys());
  const changed = new Map<string, Uint8Array>();
  for (const name of names.filter((one) => one.endsWith(".safetensors"))) {
    const bytes = new Uint8Array(readFileSync(join(from, name)));
    for (const [tensor, { dtype, bytes: own }] of parseSafetensors(bytes, join(from, name))) {
      const values = tensors.get(tensor);
      if (!values) continue;
      const write = WRITERS[dtype];
      if (!write)
        throw new MnemeError(
          "UNSUPPORTED",
          `train: ${tensor} is stored as ${dtype}; take a model of f32 or bf16`,
        );
      const written = write(values);
      if (written.length !== own.length)
        throw new MnemeError("FORMAT", `train: ${tensor} takes ${own.length} bytes, got ${written.length}`);
      own.set(written);
      left.delete(tensor);
    }
    changed.set(name, bytes);
  }
  if (left.size > 0) throw new MnemeError("FORMAT", `train: ${from} has no tensor ${[...left].join(", ")}`);
  mkdirSync(to, { recursive: true });
  for (const name of names) {
    const bytes = changed.get(name);
    if (bytes) writeFileSync(join(to, name), bytes);
    else copyFileSync(join(from, name), join(to, name));
  }
}
