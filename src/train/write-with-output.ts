/** A copy of a checkpoint's folder with another output layer. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";
import type { Matrix } from "../linalg/matrix.ts";
import { parseSafetensors } from "../storage/safetensors.ts";

const LAYER = "lm_head.weight";
const FILE = "output.safetensors";
const WHOLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** @param output a row for each token, kept as f32. @throws MnemeError EXISTS, UNSUPPORTED for a model with an output layer of its own */
export function writeWithOutput(from: string, to: string, output: Matrix): void {
  if (existsSync(to)) throw new MnemeError("EXISTS", `train: ${to} is already there; name another folder`);
  const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8")) as Record<string, unknown>;
  if (config.tie_word_embeddings !== true)
    throw new MnemeError(
      "UNSUPPORTED",
      `train: ${from} has an output layer of its own; take a model whose embedding is its output layer, as the bundled one`,
    );
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name));
  writeFileSync(join(to, "config.json"), JSON.stringify({ ...config, tie_word_embeddings: false }, null, 1));
  const files = { ...filesOf(from), [LAYER]: FILE };
  writeFileSync(join(to, INDEX), JSON.stringify({ weight_map: files }, null, 1));
  writeFileSync(join(to, FILE), safetensorsOf(LAYER, output));
}

/** The file of each tensor. */
function filesOf(folder: string): Record<string, string> {
  if (existsSync(join(folder, INDEX)))
    return (JSON.parse(readFileSync(join(folder, INDEX), "utf8")) as { weight_map: Record<string, string> })
      .weight_map;
  const tensors = parseSafetensors(readFileSync(join(folder, WHOLE)), join(folder, WHOLE));
  return Object.fromEntries(Array.from(tensors.keys(), (name) => [name, WHOLE]));
}

/** One f32 tensor behind its header. */
function safetensorsOf(name: string, { rows, cols, data }: Matrix): Uint8Array {
  const header = { [name]: { dtype: "F32", shape: [rows, cols], data_offsets: [0, data.byteLength] } };
  const text = JSON.stringify(header);
  const padded = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(padded.length), true);
  return Buffer.concat([length, padded, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}
