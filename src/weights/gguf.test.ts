/** GGUF files: what their blocks mean, and files that lie. MNEME_HEADERS sets how many headers are tried (default 1000). */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type GgufType, writeGguf } from "../../test/support/gguf-writer.ts";
import { isMnemeError } from "../errors.ts";
import { toHalf } from "../half.ts";
import { kernels } from "../kernels/index.ts";
import { Random } from "../linalg/random.ts";
import { type ByteSource, blobSource } from "../storage/byte-source.ts";
import { BlockPlacer } from "./block-placer.ts";
import { BLOCK_TYPES } from "./gguf-blocks.ts";
import { ggufHeaders, hubName, openGguf } from "./gguf-source.ts";
import { LinearWeights } from "./linear-weights.ts";

const folder = mkdtempSync(join(tmpdir(), "mneme-gguf-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const decode = (type: number, bytes: Uint8Array): number[] => {
  const { values, decode } = BLOCK_TYPES.get(type)!;
  const out = new Float32Array(values);
  decode(new DataView(bytes.buffer), 0, out, 0);
  return [...out];
};

/** Bytes of a block: parts of u16 halves, bytes. */
function block(length: number, parts: Readonly<Record<number, number | readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [at, part] of Object.entries(parts)) {
    if (typeof part === "number") new DataView(bytes.buffer).setUint16(Number(at), toHalf(part), true);
    else bytes.set(part, Number(at));
  }
  return bytes;
}

describe("blocks", () => {
  const nibbles = Array.from({ length: 16 }, (_, j) => j | ((15 - j) << 4));

  test("four bits, with and without a minimum", () => {
    const codes = [...Array(16).keys(), ...Array(16).keys()].map((j, i) => (i < 16 ? j : 15 - j));
    expect(decode(2, block(18, { 0: 0.5, 2: nibbles }))).toEqual(codes.map((code) => (code - 8) * 0.5));
    expect(decode(3, block(20, { 0: 0.5, 2: -3, 4: nibbles }))).toEqual(codes.map((code) => code * 0.5 - 3));
  });

  test("a fifth bit", () => {
    const high = [0x01, 0x00, 0x00, 0x80];
    const with5 = (i: number, code: number): number => code + (i === 0 || i === 31 ? 16 : 0);
    const codes = Array.from({ length: 32 }, (_, i) => with5(i, i < 16 ? i : 31 - i));
    expect(decode(6, block(22, { 0: 2, 2: high, 6: nibbles }))).toEqual(codes.map((code) => (code - 16) * 2));
    expect(decode(7, block(24, { 0: 2, 2: 1, 4: high, 8: nibbles }))).toEqual(
      codes.map((code) => code * 2 + 1),
    );
  });

  test("super-blocks: six bits of scale and minimum for each of eight", () => {
    // scales 1 to 8 and minima 8 to 1, the last four of each by parts
    const packed = [1, 2, 3, 4, 8, 7, 6, 5, 5 | (4 << 4), 6 | (3 << 4), 7 | (2 << 4), 8 | (1 << 4)];
    const all = decode(
      12,
      block(144, { 0: 1, 2: 0.5, 4: packed, 16: Array.from({ length: 128 }, () => 0x21) }),
    );
    all.forEach((value, i) => {
      const j = i >> 5;
      expect(value).toBe((j + 1) * (j & 1 ? 2 : 1) - 0.5 * (8 - j));
    });
    const high = Array.from({ length: 32 }, () => 0b10000001);
    const codes = Array.from({ length: 128 }, () => 0x21);
    const five = decode(13, block(176, { 0: 1, 2: 0.5, 4: packed, 16: high, 48: codes }));
    expect(five[0]).toBe(17 - 4);
    expect(five[64]).toBe(3 - 3);
    expect(five[255]).toBe(8 * 18 - 0.5);
  });

  test("large scales of super-blocks use their upper bits", () => {
    const packed = [0b11000000, 0, 0, 0, 0b01000000, 0, 0, 0, 0x21, 0, 0, 0];
    const all = decode(
      12,
      block(144, { 0: 1, 2: 1, 4: packed, 16: Array.from({ length: 128 }, () => 0x11) }),
    );
    expect(all[128]).toBe((1 | (3 << 4)) - (2 | (1 << 4)));
  });

  test("six bits in sixteen sub-blocks", () => {
    const scales = Array.from({ length: 16 }, (_, i) => (i < 15 ? i + 1 : 256 - 3));
    const all = decode(
      14,
      block(210, {
        0: Array.from({ length: 128 }, () => 0x53),
        128: Array.from({ length: 64 }, () => 0b11100100),
        192: scales,
        208: 0.25,
      }),
    );
    const codes = [3, 3 + 16, 5 + 32, 5 + 48].map((code) => code - 32);
    all.forEach((value, i) => {
      const scale = i >> 4 === 15 ? -3 : (i >> 4) + 1;
      expect(value).toBe(0.25 * scale * codes[(i & 127) >> 5]!);
    });
  });
});

/** All types of values that a header may have, as bytes, and what they are. */
const VALUES: readonly (readonly [type: number, bytes: readonly number[], value: unknown])[] = [
  [0, [200], 200],
  [1, [200], -56],
  [2, [1, 255], 65281],
  [3, [1, 255], -255],
  [4, [1, 0, 0, 128], 2147483649],
  [5, [1, 0, 0, 128], -2147483647],
  [6, [0, 0, 192, 63], 1.5],
  [7, [1], true],
  [8, [2, 0, 0, 0, 0, 0, 0, 0, 195, 164], "ä"],
  [9, [7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0], [true, false]],
  [9, [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5], [[5]]],
  [10, [1, 0, 0, 0, 0, 0, 0, 128], 2n ** 63n + 1n],
  [11, [255, 255, 255, 255, 255, 255, 255, 255], -1n],
  [12, [0, 0, 0, 0, 0, 0, 240, 191], -1],
];

/** A file of nothing but metadata a, b, c ... */
function headerOf(values: readonly (readonly [number, readonly number[], unknown])[]): Uint8Array {
  const bytes = [
    0x47,
    0x47,
    0x55,
    0x46,
    3,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    values.length,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  for (const [i, [type, own]] of values.entries())
    bytes.push(1, 0, 0, 0, 0, 0, 0, 0, 97 + i, type, 0, 0, 0, ...own);
  return Uint8Array.from(bytes);
}

/** A source that only promises its bytes, as a server does. */
const promised = (bytes: Uint8Array): ByteSource =>
  blobSource(new Blob([Uint8Array.from(bytes)]), "promised");

test("every type of value in a header, whole or cut short anywhere", async () => {
  const path = join(folder, "values.gguf");
  const bytes = headerOf(VALUES);
  writeFileSync(path, bytes);
  const { metadata, tensors } = await openGguf(path);
  tensors[Symbol.dispose]();
  const expected = VALUES.map(([, , value], i) => [String.fromCharCode(97 + i), value]);
  expect(metadata).toEqual(Object.fromEntries(expected));
  expect((await ggufHeaders([promised(bytes)])).metadata).toEqual(metadata);
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    writeFileSync(path, cut);
    await expect(openGguf(path)).rejects.toMatchObject({ code: "FORMAT" });
    await expect(ggufHeaders([promised(cut)])).rejects.toMatchObject({ code: "FORMAT" });
  }
});

test.each([
  ["more values than bytes", [9, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], 0], /has 281474976710656 values/],
  ["a text longer than the file", [8, [0, 0, 0, 64, 0, 0, 0, 0], 0], /goes on behind its/],
  ["a type that is none", [13, [], 0], /of type 13/],
  [
    "arrays in arrays",
    [9, Array.from({ length: 20 }, () => [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]).flat(), 0],
    /deep/,
  ],
] as const)("refuses %s", async (_, value, message) => {
  const path = join(folder, "refused.gguf");
  writeFileSync(path, headerOf([value]));
  await expect(openGguf(path)).rejects.toThrow(message);
});

test("a long header comes in a few pieces, and nothing behind it", async () => {
  const path = join(folder, "long.gguf");
  const texts = Array.from({ length: 200_000 }, (_, i) => `token ${i}`);
  const metadata = { "general.architecture": { text: "llama" }, tokens: { texts } };
  const shape = [512, 2048];
  const values = (): Float32Array => new Float32Array(512 * 2048);
  writeGguf(path, metadata, [{ name: "output.weight", shape, type: "F16", values }]);
  const bytes = readFileSync(path);
  const whole = promised(bytes);
  const asked: [offset: number, length: number][] = [];
  const read: ByteSource["read"] = (offset, length) => {
    asked.push([offset, length]);
    return whole.read(offset, length);
  };
  const found = await ggufHeaders([{ ...whole, read }]);
  expect(found.metadata.tokens).toEqual(texts);
  expect(found.names).toEqual(new Set(["lm_head.weight"]));
  expect(asked).toEqual([
    [0, 2 ** 20],
    [2 ** 20, 2 ** 20],
    [2 ** 21, 2 ** 21],
  ]);
  const { metadata: local, tensors } = await openGguf(path);
  tensors[Symbol.dispose]();
  expect(found.metadata).toEqual(local);
});

test("what a server promises beyond any header is not asked for", async () => {
  const text = headerOf([[8, [0, 0, 0, 0, 16, 0, 0, 0], 0]]);
  const whole = promised(text);
  const read: ByteSource["read"] = (offset, length) =>
    offset === 0 ? Uint8Array.from({ ...text, length }) : whole.read(offset, length);
  await expect(ggufHeaders([{ ...whole, size: 2 ** 40, read }])).rejects.toMatchObject({
    code: "FORMAT",
    message: expect.stringContaining("goes on behind"),
  });
});

test.each<[GgufType, number]>([
  ["F32", 0],
  ["F16", 2 ** -10],
  ["Q8_0", 1 / 120],
  ["Q4_0", 1 / 6],
])("reads %s tensors in any pieces, rows of queries put back in order", async (type, loss) => {
  const path = join(folder, `${type}.gguf`);
  const random = new Random(3);
  const values = Float32Array.from({ length: 64 * 64 }, () => random.gaussian());
  const rows = (
    name: string,
  ): { name: string; shape: number[]; type: GgufType; values: () => Float32Array } => ({
    name,
    shape: [64, 64],
    type,
    values: () => values,
  });
  const metadata = { "general.architecture": { text: "llama" }, "llama.attention.head_count": { u32: 4 } };
  writeGguf(path, metadata, [
    rows("blk.0.attn_q.weight"),
    rows("blk.0.ffn_up.weight"),
    rows("rope_freqs.weight"),
  ]);
  const { tensors, metadata: found } = await openGguf(path);
  using source = tensors;
  expect(found["general.architecture"]).toBe("llama");
  const plain = source.read("model.layers.0.mlp.up_proj.weight", 0, values.length);
  plain.forEach((value, i) => {
    expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(loss * 4);
  });
  expect([...source.read("model.layers.0.mlp.up_proj.weight", 640, 128)]).toEqual([...plain.slice(640, 768)]);
  const queries = source.read("model.layers.0.self_attn.q_proj.weight", 0, values.length);
  for (let row = 0; row < 64; row++) {
    const from = (row & ~15) + (row & 7) * 2 + ((row >> 3) & 1);
    expect([...queries.slice(row * 64, row * 64 + 64)]).toEqual([...plain.slice(from * 64, from * 64 + 64)]);
  }
  expect([...source.read("model.layers.0.self_attn.q_proj.weight", 9 * 64, 10 * 64)]).toEqual([
    ...queries.slice(9 * 64, 19 * 64),
  ]);
  expect(source.shapeOf("rope_freqs.weight")).toBeUndefined();
});

test.each(["Q8_0", "Q4_0"] as const)("stored blocks of %s are taken as they are", async (type) => {
  const path = join(folder, `taken-${type}.gguf`);
  const random = new Random(6);
  // groups of all sizes, of zeros, and so small that their scale is none that the kernels know
  const values = Float32Array.from(
    { length: 8 * 64 },
    (_, i) => random.gaussian() * [1, 1e-3, 1e-6, 0][(i >> 5) & 3]!,
  );
  writeGguf(path, { "general.architecture": { text: "llama" } }, [
    { name: "output.weight", shape: [8, 64], type, values: () => values },
  ]);
  const { tensors } = await openGguf(path);
  using source = tensors;
  using weights = new LinearWeights(kernels(), type === "Q8_0" ? "int8" : "int4", 8, 64);
  using placer = new BlockPlacer();
  expect(placer.place(weights, 0, source.readBlocks!("lm_head.weight", 0, 512)!)).toBe(true);
  const row = new Float32Array(64);
  const stored = source.read("lm_head.weight", 0, 512);
  for (let r = 0; r < 8; r++) {
    weights.row(r, row);
    row.forEach((value, i) => {
      const exact = Math.abs(values[r * 64 + i]!) > 1e-2 || values[r * 64 + i] === 0;
      expect(Math.abs(value - stored[r * 64 + i]!)).toBeLessThanOrEqual(exact ? 0 : 2 ** -15);
    });
  }
  using other = new LinearWeights(kernels(), "bf16", 8, 64);
  expect(placer.place(other, 0, source.readBlocks!("lm_head.weight", 0, 512)!)).toBe(false);
});

test("names", () => {
  expect(hubName("blk.12.ffn_gate.weight")).toBe("model.layers.12.mlp.gate_proj.weight");
  expect(hubName("blk.1.attn_k.bias")).toBe("model.layers.1.self_attn.k_proj.bias");
  expect(hubName("token_embd.weight")).toBe("model.embed_tokens.weight");
  expect(hubName("blk.2.ffn_norm.weight")).toBe("model.layers.2.post_attention_layernorm.weight");
  expect(hubName("blk.2.ffn_norm.weight", "gemma2")).toBe("model.layers.2.pre_feedforward_layernorm.weight");
  expect(hubName("blk.0.constructor.weight")).toBeUndefined();
  expect(hubName("toString.weight")).toBeUndefined();
});

const headers = Number(process.env.MNEME_HEADERS ?? 1000);
/** Files that are read side by side. */
const AT_ONCE = 4;

describe("files that lie", () => {
  const path = join(folder, "good.gguf");
  writeGguf(path, { "general.architecture": { text: "llama" }, names: { texts: ["a", "b"] } }, [
    { name: "output.weight", shape: [32, 32], type: "Q8_0", values: () => new Float32Array(1024).fill(1) },
    { name: "output_norm.weight", shape: [32], type: "F32", values: () => new Float32Array(32) },
  ]);
  const good = readFileSync(path);
  const bad = join(folder, "bad.gguf");
  const fate = async (bytes: Uint8Array, path = bad): Promise<string> => {
    writeFileSync(path, bytes);
    return outcome(path, async () => (await openGguf(path)).tensors[Symbol.dispose]());
  };
  const outcome = async (name: string, work: () => Promise<unknown>): Promise<string> => {
    try {
      await work();
      return "read";
    } catch (error) {
      if (!isMnemeError(error)) throw error;
      if (!error.message.includes(name)) throw error;
      return error.code;
    }
  };

  test("cut short, foreign, empty, not there", async () => {
    writeFileSync(bad, good);
    truncateSync(bad, good.length - 100);
    expect(await fate(readFileSync(bad))).toBe("FORMAT");
    expect(await fate(good.subarray(0, 60))).toBe("FORMAT");
    expect(await fate(new Uint8Array(0))).toBe("FORMAT");
    expect(await fate(new TextEncoder().encode("not a model at all, but long enough to be one"))).toBe(
      "FORMAT",
    );
    await expect(openGguf(join(folder, "none.gguf"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test(`${headers} headers with changed bytes are read or refused by name`, async () => {
    const random = new Random(8);
    const fates = new Map<string, number>();
    const changed = (): Uint8Array => {
      const bytes = Uint8Array.from(good);
      for (let i = 0; i <= random.integer(4); i++) bytes[random.integer(300)] = random.integer(256);
      return bytes;
    };
    for (let round = 0; round < headers; round += AT_ONCE) {
      const all = Array.from({ length: AT_ONCE }, async (_, i) => {
        const bytes = changed();
        const [file, header] = await Promise.all([
          fate(bytes, join(folder, `bad-${i}.gguf`)),
          outcome("promised", () => ggufHeaders([promised(bytes)])),
        ]);
        // of tensors a header alone says nothing that could be wrong
        expect(header === file || (header === "read" && file !== "read")).toBe(true);
        return file;
      });
      for (const one of await Promise.all(all)) fates.set(one, (fates.get(one) ?? 0) + 1);
    }
    expect([...fates.keys()].every((one) => ["read", "FORMAT", "UNSUPPORTED"].includes(one))).toBe(true);
    expect(fates.get("FORMAT")).toBeGreaterThan(headers / 10);
  }, 300_000);
});
