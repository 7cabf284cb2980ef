/**
 * A GGUF file, or the shards of one, as tensors under the names that Hugging Face checkpoints have. Rows of queries and keys lie
 * in another order in Llama's and SmolLM3's files: pairs of rotated values side by side.
 */
import { basename, dirname, join } from "node:path";
import { isMnemeError, MnemeError } from "../errors.ts";
import type { ByteSource } from "../storage/byte-source.ts";
import { fileSource } from "../storage/file-source.ts";
import { BLOCK_TYPES, type BlockType } from "./gguf-blocks.ts";
import { type GgufHeader, readGgufHeader } from "./gguf-header.ts";
import type { TensorSource } from "./tensor-source.ts";

type Metadata = Readonly<Record<string, unknown>>;

export interface GgufFile {
  /** Of the first shard. */
  readonly metadata: Metadata;
  readonly tensors: TensorSource;
  /** Paths of all shards, in order. */
  readonly files: readonly string[];
}

interface Placed {
  readonly file: ByteSource;
  readonly type: BlockType;
  readonly shape: readonly number[];
  /** Of its first byte in the file. */
  readonly offset: number;
  /** Heads whose rows are in the other order; 0 for none. */
  readonly heads: number;
}

/** What stands for a part of a layer. */
const LAYER_NAMES: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** The same in families with norms behind attention and behind the gated layer. */
const POST_NORM_NAMES: Readonly<Record<string, string>> = {
  ...LAYER_NAMES,
  post_attention_norm: "post_attention_layernorm",
  ffn_norm: "pre_feedforward_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};
const POST_NORM_FAMILIES: readonly unknown[] = ["gemma2", "gemma3"];

/** Families whose rows of queries and keys lie in the other order. */
const PAIRED_FAMILIES: readonly unknown[] = ["llama", "smollm3"];

const TOP_NAMES: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
  rope_freqs: "model.rope_factors",
};

/** The name in a Hugging Face checkpoint; undefined for tensors that are of no use here. @param family `general.architecture` */
export function hubName(name: string, family?: unknown): string | undefined {
  const layer = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name);
  if (layer) {
    const names = POST_NORM_FAMILIES.includes(family) ? POST_NORM_NAMES : LAYER_NAMES;
    const part = own(names, layer[2]!);
    return part && `model.layers.${layer[1]}.${part}.${layer[3]}`;
  }
  const top = /^(\w+)\.weight$/.exec(name);
  const part = top && own(TOP_NAMES, top[1]!);
  return part ? `${part}.weight` : undefined;
}

const own = (names: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(names, name) ? names[name] : undefined;

/** All shards of the file that `path` is one of; the path alone where its name does not say so. */
export function ggufShards(path: string): readonly string[] {
  const found = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(path));
  if (!found) return [path];
  const [, stem, , count] = found;
  return Array.from({ length: Number(count) }, (_, i) =>
    join(dirname(path), `${stem}-${String(i + 1).padStart(5, "0")}-of-${count}.gguf`),
  );
}

/** @param path of the file, or of any of its shards. @throws MnemeError NOT_FOUND, FORMAT, UNSUPPORTED naming the file and what is wrong */
export async function openGguf(path: string): Promise<GgufFile> {
  const files = ggufShards(path);
  const open: ByteSource[] = [];
  const close = (): void => {
    for (const file of open.splice(0)) void file.close();
  };
  const tensors = new Map<string, Placed>();
  let metadata: Metadata | undefined;
  try {
    for (const one of files) {
      const file = fileSource(one);
      open.push(file);
      const header = await headerOf(file, one);
      metadata ??= header.metadata;
      checkShard(header.metadata, files.length, one);
      place(one, file, header, metadata, tensors);
    }
  } catch (error) {
    close();
    throw error;
  }
  return { metadata: metadata ?? {}, tensors: sourceOf(path, open, tensors, close), files };
}

/**
 * What the headers of a file's shards say, which may lie on a server: its metadata, and the names of its tensors as in Hugging Face checkpoints.
 * @throws MnemeError FORMAT naming the shard; what its source throws
 */
export async function ggufHeaders(
  shards: readonly ByteSource[],
): Promise<{ readonly metadata: Metadata; readonly names: ReadonlySet<string> }> {
  const names = new Set<string>();
  let metadata: Metadata | undefined;
  for (const shard of shards) {
    const header = await headerOf(shard, shard.location ?? "GGUF file");
    metadata ??= header.metadata;
    for (const { name } of header.tensorInfos) {
      const known = hubName(name, metadata["general.architecture"]);
      if (known) names.add(known);
    }
  }
  return { metadata: metadata ?? {}, names };
}

/** A file says how many shards there are, unless it is whole. */
function checkShard(metadata: Metadata, count: number, path: string): void {
  const said = Number(metadata["split.count"] ?? 1) || 1;
  if (said !== count)
    throw new MnemeError(
      "FORMAT",
      `${path}: split.count says ${said} shards, its name ${count}; keep the names that the shards came with`,
      { details: { file: path, field: "split.count" } },
    );
}

async function headerOf(file: ByteSource, name: string): Promise<GgufHeader> {
  try {
    return await readGgufHeader(file);
  } catch (cause) {
    if (isMnemeError(cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MnemeError("FORMAT", `${name}: no GGUF file that can be read (${why}); fetch the file again`, {
      details: { file: name },
      cause,
    });
  }
}

/** Adds the tensors of a file. */
function place(
  path: string,
  file: ByteSource,
  { tensorDataOffset: base, tensorInfos }: GgufHeader,
  metadata: Metadata,
  tensors: Map<string, Placed>,
): void {
  for (const info of tensorInfos) {
    const name = hubName(info.name, metadata["general.architecture"]);
    if (!name) continue;
    const shape = info.shape.toReversed();
    tensors.set(name, placed(path, file, info, shape, base + info.offset, headsOf(name, metadata)));
  }
}

function sourceOf(
  path: string,
  files: readonly ByteSource[],
  tensors: ReadonlyMap<string, Placed>,
  close: () => void,
): TensorSource {
  let room = new Uint8Array(0);
  const borrowed = (bytes: number): Uint8Array => {
    if (room.length < bytes) room = new Uint8Array(bytes);
    return room.subarray(0, bytes);
  };
  return {
    name: path,
    shapeOf: (tensor) => tensors.get(tensor)?.shape,
    blockType(tensor) {
      const type = tensors.get(tensor)?.type;
      return type && type.values > 1 ? type.name : undefined;
    },
    checkUnchanged() {
      for (const file of files) file.checkUnchanged?.();
    },
    read(tensor, start, count) {
      const placed = tensors.get(tensor)!;
      return decoded(placed.type, bytesOf(placed, start, count), count);
    },
    readBlocks(tensor, start, count, roomFor = borrowed) {
      const placed = tensors.get(tensor)!;
      if (placed.type.values === 1) return undefined;
      return { type: placed.type.name, bytes: bytesOf(placed, start, count, roomFor) };
    },
    [Symbol.dispose]: close,
  };
}

function placed(
  path: string,
  file: ByteSource,
  { name, dtype }: { readonly name: string; readonly dtype: number },
  shape: readonly number[],
  offset: number,
  heads: number,
): Placed {
  const refuse = (code: "FORMAT" | "UNSUPPORTED", why: string): MnemeError =>
    new MnemeError(code, `${path}: tensor ${JSON.stringify(name.slice(0, 80))} ${why}`, {
      details: { file: path, tensor: name },
    });
  const type = BLOCK_TYPES.get(dtype);
  if (!type)
    throw refuse(
      "UNSUPPORTED",
      `is of type ${dtype}; known are ${[...BLOCK_TYPES.values()].map((one) => one.name).join(", ")}`,
    );
  const columns = shape.at(-1) ?? 0;
  const count = shape.reduce((product, side) => product * side, 1);
  if (shape.length === 0 || !Number.isSafeInteger(count) || columns % type.values !== 0)
    throw refuse(
      "FORMAT",
      `has shape [${shape.join(", ")}], which is no whole number of blocks of ${type.values}`,
    );
  const bytes = (count / type.values) * type.bytes;
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + bytes > file.size)
    throw refuse("FORMAT", `has bytes ${offset} to ${offset + bytes} of ${file.size}: truncated?`);
  return { file, type, shape, offset, heads };
}

/** How many heads a tensor's rows belong to, where they lie in the other order. */
function headsOf(name: string, metadata: Metadata): number {
  const family = metadata["general.architecture"];
  if (!PAIRED_FAMILIES.includes(family)) return 0;
  const heads = metadata[`${family}.attention.head_count`];
  if (name.includes(".q_proj.")) return Number(heads);
  if (name.includes(".k_proj.")) return Number(metadata[`${family}.attention.head_count_kv`] ?? heads);
  return 0;
}

/** The bytes of values [start, start + count), rows of heads put back in order. @param roomFor where they may be read to; default bytes of their own */
function bytesOf(
  { file, type, offset, shape, heads }: Placed,
  start: number,
  count: number,
  roomFor: (bytes: number) => Uint8Array = (bytes) => new Uint8Array(bytes),
): Uint8Array {
  const sizeOf = (values: number): number => (values / type.values) * type.bytes;
  if (heads === 0) {
    const bytes = roomFor(sizeOf(count));
    file.readInto!(offset + sizeOf(start), bytes);
    return bytes;
  }
  // biases have a row's order, a value a row
  const columns = shape.length === 1 ? 1 : shape.at(-1)!;
  const size = shape[0]! / heads;
  const first = Math.floor(start / (size * columns)) * size * columns;
  const last = Math.ceil((start + count) / (size * columns)) * size * columns;
  const length = sizeOf(last - first);
  const room = roomFor(2 * length);
  file.readInto!(offset + sizeOf(first), room.subarray(length));
  takeHalvesApart(room, sizeOf(columns), size);
  return room.subarray(sizeOf(start - first), sizeOf(start - first + count));
}

function decoded(type: BlockType, bytes: Uint8Array, count: number): Float32Array {
  if (type.toF32) return type.toF32(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(count);
  for (let block = 0; block * type.values < count; block++)
    type.decode(view, block * type.bytes, out, block * type.values);
  return out;
}

/** Of rows of `width` bytes in the second half of `room`: 2 j and 2 j + 1 of a head become j and j + size / 2 in its first half. */
function takeHalvesApart(room: Uint8Array, width: number, size: number): void {
  const half = room.length / 2;
  for (let row = 0; row * width < half; row++) {
    const [head, at] = [Math.floor(row / size) * size, row % size];
    const to = head + (at >> 1) + (at & 1 ? size / 2 : 0);
    const from = half + row * width;
    room.copyWithin(to * width, from, from + width);
  }
}
