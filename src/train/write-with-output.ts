/** A copy of a checkpoint's folder with another output layer. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MnemeError } from "../errors.ts";
import type { Matrix } from "../linalg/matrix.ts";

const LAYER = "lm_head.weight";
const FILE = "output.safetensors";
const INDEX = "model.safetensors.index.json";

/** @param output a row for each token, kept as f32. @throws MnemeError EXISTS, UNSUPPORTED for a model in one file, or with an output layer of its own */
export function writeWithOutput(from: string, to: string, output: Matrix): void {
  if (existsSync(to)) throw new MnemeError("EXISTS", `train: ${to} is already there; name another folder`);
  const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8")) as Record<string, unknown>;
  if (!existsSync(join(from, INDEX)) || config.tie_word_embeddings !== true)
    throw new MnemeError(
      "UNSUPPORTED",
      `train: ${from} has no ${INDEX}, or an output layer of its own; take the bundled model`,
    );
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name));
  writeFileSync(join(to, "config.json"), JSON.stringify({ ...config, tie_word_embeddings: false }, null, 1));
  const index = JSON.parse(readFileSync(join(from, INDEX), "utf8")) as { weight_map: Record<string, string> };
  index.weight_map[LAYER] = FILE;
  writeFileSync(join(to, INDEX), JSON.stringify(index, null, 1));
  writeFileSync(join(to, FILE), safetensorsOf(LAYER, output));
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
