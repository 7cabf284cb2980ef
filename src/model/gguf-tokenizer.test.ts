/** Tokenizers out of GGUF files, against tokenizer.json, llama.cpp's fixtures, llama.cpp itself, and a slow merge loop. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { vocabularyOf } from "../../test/support/gguf-model.ts";
import { type GgufValue, writeGguf } from "../../test/support/gguf-writer.ts";
import { isMnemeError } from "../errors.ts";
import { Random } from "../linalg/random.ts";
import { openGguf } from "../weights/gguf-source.ts";
import { ggufConfig } from "./gguf-config.ts";
import { ggufSpecialTokens, ggufTokenizer } from "./gguf-tokenizer.ts";
import { openTokenizer } from "./tokenizer.ts";

const shared = (path: string): string => fileURLToPath(new URL(`../../../shared/${path}`, import.meta.url));
const fixtures = shared("data/tokenizers");
const lm = shared("models/mneme-lm");

const scratch = mkdtempSync(join(tmpdir(), "mneme-gguf-tokenizer-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const RANGES = [
  [0x20, 0x7e],
  [0x20, 0x7e],
  [0x61, 0x7a],
  [0x09, 0x0d],
  [0x30, 0x39],
  [0xa0, 0x17f],
  [0x300, 0x36f],
  [0x400, 0x4ff],
  [0x600, 0x6ff],
  [0x900, 0x97f],
  [0x2000, 0x206f],
  [0x2150, 0x218f],
  [0x3040, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0x1f300, 0x1faff],
] as const;
const WORDS = [
  " the",
  "it's",
  "WE'LL",
  "  ",
  "\n\n",
  "1234567",
  "<s>",
  "</s>",
  "<|eos|>",
  "function(x)",
  "\r\n",
  " I'm",
  "é",
  "\ufeff",
];

/** Words, spaces and characters of many scripts. */
function randomText(random: Random): string {
  let text = "";
  for (let i = random.integer(24); i >= 0; i--) {
    const [low, high] = RANGES[random.integer(RANGES.length)]!;
    if (random.integer(4) === 0) text += WORDS[random.integer(WORDS.length)]!;
    else text += String.fromCodePoint(low + random.integer(high - low + 1));
  }
  return text;
}

const texts = (count: number, seed: number): string[] => {
  const random = new Random(seed);
  return Array.from({ length: count }, () => randomText(random));
};

async function metadataOf(
  values: Readonly<Record<string, GgufValue>>,
): Promise<Readonly<Record<string, unknown>>> {
  const path = join(scratch, "vocabulary.gguf");
  writeGguf(path, { "general.architecture": { text: "llama" }, ...values }, []);
  const { metadata, tensors } = await openGguf(path);
  tensors[Symbol.dispose]();
  return metadata;
}

function byteLevelOf(json: string, pre: string): Record<string, GgufValue> {
  const { tokens, merges, types } = vocabularyOf(json, pre);
  return {
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.pre": { text: pre },
    "tokenizer.ggml.tokens": { texts: tokens },
    "tokenizer.ggml.token_type": { i32s: types },
    "tokenizer.ggml.merges": { texts: merges },
    "tokenizer.ggml.bos_token_id": { u32: 0 },
    "tokenizer.ggml.eos_token_id": { u32: 1 },
  };
}

describe.skipIf(!existsSync(lm))("byte-level BPE of mneme-lm", () => {
  const json = readFileSync(join(lm, "tokenizer.json"), "utf8");

  test("is that of its tokenizer.json", async () => {
    const metadata = await metadataOf(byteLevelOf(json, "mneme-lm"));
    const ours = await ggufTokenizer(metadata, "a.gguf");
    const theirs = await openTokenizer(json, {}, 0, "tokenizer.json");
    for (const text of ["", ...texts(2000, 1)]) {
      expect(ours.encode(text), JSON.stringify(text)).toEqual(theirs.encode(text));
      expect(ours.encodeWhole(text)).toEqual(theirs.encodeWhole(text));
      expect(ours.decode(ours.encode(text))).toBe(theirs.decode(theirs.encode(text)));
    }
    expect(ggufSpecialTokens(metadata)).toEqual({ bos_token: "<|bos|>", eos_token: "<|eos|>" });
  });

  test("says what around a text is asked for", async () => {
    const values = byteLevelOf(json, "gpt-2");
    expect((await ggufTokenizer(await metadataOf(values), "a.gguf")).encodeWhole("a")).toHaveLength(1);
    const both = {
      ...values,
      "tokenizer.ggml.add_bos_token": { flag: true },
      "tokenizer.ggml.add_eos_token": { flag: true },
    };
    const ids = (await ggufTokenizer(await metadataOf(both), "a.gguf")).encodeWhole("a");
    expect([ids[0], ids.length, ids[2]]).toEqual([0, 3, 1]);
  });
});

describe.skipIf(!existsSync(fixtures))("llama.cpp's fixtures", () => {
  test.each(["gpt-2", "llama-spm", "phi-3"])("%s", async (name) => {
    const at = join(fixtures, `ggml-vocab-${name}`);
    const path = join(scratch, `${name}.gguf`);
    writeFileSync(path, gunzipSync(readFileSync(`${at}.gguf.gz`)));
    const { metadata, tensors } = await openGguf(path);
    tensors[Symbol.dispose]();
    const tokenizer = await ggufTokenizer(metadata, path);
    const inputs = readFileSync(`${at}.inp`, "utf8").split("\n__ggml_vocab_test__\n");
    const outputs = readFileSync(`${at}.out`, "utf8").split("\n");
    for (let i = 0; i < 46; i++) {
      const wanted = outputs[i]!.trim().split(/\s+/).filter(Boolean).map(Number);
      expect(tokenizer.encode(inputs[i]!), JSON.stringify(inputs[i])).toEqual(wanted);
      expect(tokenizer.decode(wanted)).toBe(inputs[i]);
    }
  });
});

/** What SentencePiece does, slowly: of all neighbours that together are a piece the likeliest become one, of equals the first. */
function merged(text: string, scores: ReadonlyMap<string, number>): string[] {
  const parts = [...text];
  for (;;) {
    let best = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const score = scores.get(parts[i]! + parts[i + 1]!);
      if (score !== undefined && (best < 0 || score > scores.get(parts[best]! + parts[best + 1]!)!)) best = i;
    }
    if (best < 0) return parts;
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
}

function byteTokens(): string[] {
  return Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
}

function pieceValues(pieces: readonly string[], scores: readonly number[]): Record<string, GgufValue> {
  const control = ["<unk>", "<s>", "</s>"];
  return {
    "tokenizer.ggml.model": { text: "llama" },
    "tokenizer.ggml.tokens": { texts: [...control, ...byteTokens(), ...pieces] },
    "tokenizer.ggml.scores": { f32s: [...control, ...byteTokens()].map(() => 0).concat(scores) },
    "tokenizer.ggml.token_type": {
      i32s: [2, 3, 3, ...byteTokens().map(() => 6), ...pieces.map(() => 1)],
    },
    "tokenizer.ggml.bos_token_id": { u32: 1 },
    "tokenizer.ggml.eos_token_id": { u32: 2 },
    "tokenizer.ggml.unknown_token_id": { u32: 0 },
  };
}

describe("SentencePiece", () => {
  test("merges as a slow loop does, scores shared by many pieces among them", async () => {
    const letters = fc.constantFrom("a", "b", "c", "\u2581");
    const piece = fc.array(letters, { minLength: 2, maxLength: 5 }).map((all) => all.join(""));
    const text = fc.array(fc.constantFrom("a", "b", "c", " ", "é", "😀"), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(piece, { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: -4, max: 0 }), { minLength: 44, maxLength: 44 }),
        fc.array(text, { minLength: 5, maxLength: 5 }),
        async (longer, scores, all) => {
          const pieces = ["a", "b", "c", "\u2581", ...longer];
          const tokenizer = await ggufTokenizer(
            await metadataOf(pieceValues(pieces, scores.slice(0, pieces.length))),
            "a.gguf",
          );
          const known = new Map(pieces.map((one, i) => [one, scores[i]!]));
          for (const one of all.map((characters) => characters.join(""))) {
            const wanted = merged(`\u2581${one.replaceAll(" ", "\u2581")}`, known).flatMap((part) =>
              known.has(part)
                ? [259 + pieces.indexOf(part)]
                : [...new TextEncoder().encode(part)].map((byte) => 3 + byte),
            );
            expect(tokenizer.encode(one)).toEqual(wanted);
            expect(tokenizer.encodeWhole(one)).toEqual([1, ...wanted]);
            expect(tokenizer.decode(wanted)).toBe(one);
          }
        },
      ),
      { seed: 7, numRuns: 60 },
    );
  });

  test("control tokens are no pieces, and stand for themselves where they are spelled out", async () => {
    const tokenizer = await ggufTokenizer(await metadataOf(pieceValues(["a", "\u2581"], [0, 0])), "a.gguf");
    expect(tokenizer.encode("<s>a</s>")).toEqual([1, 260, 259, 2]);
    expect(tokenizer.decode([1, 260, 259, 2])).toBe("a");
  });
});

describe("refused by name", () => {
  const good = pieceValues(["a"], [0]);
  const byteLevel = {
    ...good,
    "tokenizer.ggml.model": { text: "gpt2" },
    "tokenizer.ggml.merges": { texts: [] },
  };
  test.each<[string, Record<string, GgufValue>, RegExp]>([
    [
      "another model",
      { ...good, "tokenizer.ggml.model": { text: "bert" } },
      /tokenizer\.ggml\.model is "bert"; known are "gpt2", "llama"/,
    ],
    [
      "an unknown split",
      { ...byteLevel, "tokenizer.ggml.pre": { text: "klingon" } },
      /tokenizer\.ggml\.pre is "klingon"; known are default, gpt-2/,
    ],
    ["no tokens", { "tokenizer.ggml.model": { text: "llama" } }, /tokenizer\.ggml\.tokens is missing/],
    [
      "tokens that are numbers",
      { ...good, "tokenizer.ggml.tokens": { i32s: [1] } },
      /tokenizer\.ggml\.tokens is a list of 1; expected a list of type string/,
    ],
    [
      "too few scores",
      { ...good, "tokenizer.ggml.scores": { f32s: [1] } },
      /tokenizer\.ggml\.scores has 1 entries; expected 260/,
    ],
    [
      "too few types",
      { ...good, "tokenizer.ggml.token_type": { i32s: [1] } },
      /tokenizer\.ggml\.token_type has 1 entries/,
    ],
    [
      "no merges",
      { ...good, "tokenizer.ggml.model": { text: "gpt2" } },
      /tokenizer\.ggml\.merges is missing/,
    ],
  ])("%s", async (_, values, message) => {
    const metadata = await metadataOf(values);
    await expect(ggufTokenizer(metadata, "a.gguf")).rejects.toThrow(message);
    await expect(ggufTokenizer(metadata, "a.gguf")).rejects.toThrow("a.gguf");
  });
});

const llamaCpp = createRequire(join(fileURLToPath(new URL("../../bench/", import.meta.url)), "package.json"));
const peer = ((): string | undefined => {
  try {
    return llamaCpp.resolve("node-llama-cpp");
  } catch {
    return undefined;
  }
})();

/** What of node-llama-cpp is used here. */
interface Peer {
  getLlama(options: object): Promise<{
    loadModel(
      options: object,
    ): Promise<{ tokenize(text: string, special: boolean): number[]; dispose(): Promise<void> }>;
    dispose(): Promise<void>;
  }>;
}

describe.skipIf(!peer || !existsSync(lm))("llama.cpp itself", () => {
  const shape = {
    "general.architecture": { text: "llama" },
    ...Object.fromEntries(
      [
        "context_length",
        "embedding_length",
        "block_count",
        "feed_forward_length",
        "attention.head_count",
      ].map((name) => [`llama.${name}`, { u32: 32 }]),
    ),
    "llama.attention.layer_norm_rms_epsilon": { f32: 1e-5 },
  };

  test("cuts and merges the same", async () => {
    const { getLlama } = (await import(pathToFileURL(peer!).href)) as Peer;
    const llama = await getLlama({ gpu: false, build: "never", logLevel: "disabled" });
    const json = readFileSync(join(lm, "tokenizer.json"), "utf8");
    for (const pre of ["llama-bpe", "qwen2", "smollm", "tekken"]) {
      const path = join(scratch, `${pre}.gguf`);
      writeGguf(path, { ...shape, ...byteLevelOf(json, pre) }, []);
      const model = await llama.loadModel({ modelPath: path, vocabOnly: true });
      const { metadata, tensors } = await openGguf(path);
      tensors[Symbol.dispose]();
      const ours = await ggufTokenizer(metadata, path);
      for (const text of texts(200, 2))
        expect(ours.encode(text), `${pre}: ${JSON.stringify(text)}`).toEqual([...model.tokenize(text, true)]);
      await model.dispose();
    }
    await llama.dispose();
  });
});

test("ten thousand metadata with changed fields are taken or refused by name", async () => {
  const byteLevel: Readonly<Record<string, unknown>> = {
    "general.architecture": "llama",
    "llama.context_length": 512,
    "llama.embedding_length": 64,
    "llama.block_count": 2,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.key_length": 16,
    "llama.rope.freq_base": 10_000,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "llama-bpe",
    "tokenizer.ggml.tokens": ["<s>", "a", "b", "ab"],
    "tokenizer.ggml.token_type": [3, 1, 1, 1],
    "tokenizer.ggml.scores": [0, -1, -2, -3],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 1,
  };
  const random = new Random(12);
  const strange = [
    undefined,
    null,
    0,
    -1,
    1e300,
    Number.NaN,
    2n ** 63n,
    "",
    "llama",
    "x",
    true,
    [],
    [1],
    ["a", "a"],
    [""],
    [null],
    {},
  ];
  const fates = new Map<string, number>();
  for (let round = 0; round < 10_000; round++) {
    const metadata: Record<string, unknown> = { ...byteLevel };
    if (random.integer(2) === 0) metadata["tokenizer.ggml.model"] = "llama";
    const fields = Object.keys(metadata);
    for (let i = random.integer(3); i >= 0; i--)
      metadata[fields[random.integer(fields.length)]!] = strange[random.integer(strange.length)];
    let fate = "taken";
    try {
      ggufConfig(metadata, true, "bad.gguf");
      (await ggufTokenizer(metadata, "bad.gguf")).encodeWhole("ab <s>");
    } catch (error) {
      if (!isMnemeError(error) || !error.message.includes("bad.gguf")) throw error;
      fate = error.code;
    }
    fates.set(fate, (fates.get(fate) ?? 0) + 1);
  }
  expect([...fates.keys()].sort()).toEqual(["FORMAT", "UNSUPPORTED", "taken"]);
  expect(fates.get("FORMAT")).toBeGreaterThan(1000);
  expect(fates.get("taken")).toBeGreaterThan(1000);
});
