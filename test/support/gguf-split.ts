/** Splits a GGUF file of version 3 into shards as llama.cpp's tool does: metadata in the first, tensors in turns. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const ALIGNMENT = 32;
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
/** Bytes of values by their type: u8 i8 u16 i16 u32 i32 f32 bool; u64 i64 f64 behind. */
const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

interface Info {
  /** Of the file's header: name, shape, type. */
  readonly head: Uint8Array;
  readonly offset: number;
}

/** @returns paths of the shards */
export function splitGguf(path: string, folder: string, count: number): string[] {
  const file = readFileSync(path);
  const long = (at: number): number => Number(file.readBigUInt64LE(at));
  const [tensors, entries] = [long(8), long(16)];
  let at = 24;
  const skipValue = (type: number): void => {
    if (type === 8) at += 8 + long(at);
    else if (type === 9) {
      const [inner, length] = [file.readUInt32LE(at), long(at + 4)];
      at += 12;
      for (let i = 0; i < length; i++) skipValue(inner);
    } else at += SIZES[type]!;
  };
  for (let i = 0; i < entries; i++) {
    at += 8 + long(at);
    at += 4;
    skipValue(file.readUInt32LE(at - 4));
  }
  const metadata = file.subarray(24, at);
  const infos = Array.from({ length: tensors }, (): Info => {
    const start = at;
    at += 8 + long(at);
    at += 4 + 8 * file.readUInt32LE(at) + 4;
    const head = file.subarray(start, at);
    at += 8;
    return { head, offset: long(at - 8) };
  });
  const data = file.subarray(aligned(at));
  const ends = infos.map((_, i) => infos[i + 1]?.offset ?? data.length);
  return Array.from({ length: count }, (_, shard) => {
    const own = infos.flatMap((info, i) => (i % count === shard ? [{ ...info, end: ends[i]! }] : []));
    const name = `${basename(path, ".gguf")}-${pad(shard + 1)}-of-${pad(count)}.gguf`;
    writeFileSync(
      join(folder, name),
      shardOf(own, data, shard === 0 ? metadata : undefined, entries, [shard, count, tensors]),
    );
    return join(folder, name);
  });
}

const pad = (number: number): string => String(number).padStart(5, "0");

function shardOf(
  own: readonly (Info & { readonly end: number })[],
  data: Uint8Array,
  metadata: Uint8Array | undefined,
  entries: number,
  split: readonly number[],
): Uint8Array {
  const said = ["split.no", "split.count", "split.tensors.count"].map((key, i) =>
    Buffer.concat([u64(key.length), new TextEncoder().encode(key), u32(4), u32(split[i]!)]),
  );
  const heads: Uint8Array[] = [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const { head, offset: from, end } of own) {
    heads.push(head, u64(offset));
    parts.push(data.subarray(from, end), new Uint8Array(aligned(end - from) - (end - from)));
    offset += aligned(end - from);
  }
  const count = said.length + (metadata ? entries : 0);
  const start = [
    new TextEncoder().encode("GGUF"),
    u32(3),
    u64(own.length),
    u64(count),
    ...(metadata ? [metadata] : []),
  ];
  const header = Buffer.concat([...start, ...said, ...heads]);
  return Buffer.concat([header, new Uint8Array(aligned(header.length) - header.length), ...parts]);
}

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: number): Uint8Array => new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
