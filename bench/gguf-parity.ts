/**
 * Does Mneme say what llama.cpp says of the same GGUF file? Greedy continuations of 100 prompts by the Q8_0 file of mneme-lm through
 * node-llama-cpp and through Mneme, as it is by default, with pages that round nothing, and rounding as llama.cpp does (activations of 8 bits,
 * keys and values as halves). All are also held to the exact model: the same weights as f32 with an f32 cache in llama.cpp, which also tells
 * how far apart the two tokens were where continuations part. And llama.cpp is held to itself: under another order of its sums (a prompt
 * token by token, flash attention) a value at the edge of rounding goes to the other side, and layers make that nearly as large as the
 * rounding itself. More parity than it has with itself would take the same order of every sum. Shares of continuations that are equal in all
 * tokens. Switches: --scale 0.1 for a tenth of the prompts.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Random } from "../src/linalg/random.ts";
import { ggufConfig } from "../src/model/gguf-config.ts";
import { load } from "../src/model/load.ts";
import type { Tokenizer } from "../src/model/tokenizer.ts";
import { openGguf } from "../src/weights/gguf-source.ts";
import { vocabularyOf, writeGgufModel } from "../test/support/gguf-model.ts";
import type { GgufType } from "../test/support/gguf-writer.ts";
import { writeModel } from "./decode-models.ts";
import { llamaLogits, llamaSays, mnemeLogits, mnemeSays, type Said } from "./gguf-parity-systems.ts";
import { dataFolder, printFigure, quantile, repository, switches } from "./row.ts";

const PROMPTS = 100;
/** Of them those that are questions. */
const QUESTIONS = 0.3;
const TOKENS: readonly [number, number] = [50, 300];
const SEED = 7;
const END = "<|eos|>";
/** Layers of the models whose logits are compared, and prompts. */
const LAYERS = [1, 2, 4, 8, 12] as const;
const COMPARED = 8;

const BY_DEFAULT = { cache: "int8", activations: "int16" } as const;
const AS_LLAMA = { cache: "f16", activations: "int8" } as const;
const TOKEN_BY_TOKEN = { batch: 1 } as const;
const FLASH = { flashAttention: true } as const;

/** Pieces of this repository's documents, as they stand and as questions of a chat. */
function promptsOf(tokenizer: Tokenizer): number[][] {
  const random = new Random(SEED);
  const folders = ["docs", "docs/commands", "."].map((name) => join(repository, name));
  const texts = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".md"))
      .sort()
      .map((name) => tokenizer.encode(readFileSync(join(folder, name), "utf8"))),
  );
  const long = texts.filter(({ length }) => length > 2 * TOKENS[1]);
  return Array.from({ length: Math.round(PROMPTS * switches.scale) }, (_, i) => {
    const text = long[random.integer(long.length)]!;
    const count = TOKENS[0] + random.integer(TOKENS[1] - TOKENS[0] - 30);
    const from = random.integer(text.length - count);
    const piece = text.slice(from, from + count);
    const raw = [...tokenizer.encode("<|bos|>"), ...piece];
    if (i >= PROMPTS * QUESTIONS * switches.scale) return raw;
    const question = tokenizer.encode("\nWhat does this text say?<|assistant|>\n");
    return [...tokenizer.encode("<|bos|><|user|>\n"), ...piece, ...question];
  });
}

/** The weights as a file has them, in another type or of the first layers alone. */
async function rewritten(
  path: string,
  to: string,
  type: GgufType,
  json: string,
  layers?: number,
): Promise<string> {
  const { metadata, tensors } = await openGguf(path);
  using source = tensors;
  const config = ggufConfig(metadata, source.shapeOf("lm_head.weight") === undefined, path);
  writeGgufModel(
    to,
    { ...config, layers: layers ?? config.layers },
    source,
    type,
    vocabularyOf(json, "smollm"),
  );
  return to;
}

function common(a: readonly number[], b: readonly number[]): number {
  let at = 0;
  while (at < Math.max(a.length, b.length) && a[at] === b[at]) at++;
  return at;
}

interface Pair {
  readonly name: string;
  readonly a: Said;
  readonly b: Said;
  readonly claim?: number;
  /** Others whose agreement is the baseline. */
  readonly beside?: { readonly system: string; readonly share: number };
}

/** @returns the share of continuations that are equal, in percent */
function compare({ name, a, b, claim, beside }: Pair, exact: Said, end: number): number {
  const lengths = a.tokens.map((one, i) => common(one, b.tokens[i]!));
  const parted = lengths.flatMap((at, i) =>
    at < Math.max(a.tokens[i]!.length, b.tokens[i]!.length) ? [i] : [],
  );
  // known only as far as the exact model says the same
  const gaps = parted.flatMap((i) => {
    const at = lengths[i]!;
    if (at > common(a.tokens[i]!, exact.tokens[i]!) || at >= exact.likeliest[i]!.length) return [];
    const [one, other] = [a, b].map(({ tokens }) => exact.likeliest[i]![at]!.get(tokens[i]![at] ?? end));
    return one === undefined || other === undefined ? [] : [Math.abs(one - other)];
  });
  const share = (100 * (lengths.length - parted.length)) / Math.max(1, lengths.length);
  const three = (values: readonly number[], digits: number): string =>
    [0.5, 0.9, 1].map((part) => quantile(values, part).toFixed(digits)).join(", ");
  const [where, apart] = [
    three(
      parted.map((i) => lengths[i]!),
      0,
    ),
    three(gaps, 3),
  ];
  printFigure("gguf-parity", {
    ...(beside ? { system: beside.system, baseline: beside.share, atLeast: 0.95 } : {}),
    metric: name,
    unit: "%",
    better: "more",
    ours: share,
    ...(claim === undefined ? {} : { least: claim }),
    ...(parted.length === 0
      ? {}
      : {
          note: `${parted.length} part at token ${where} (median, 90%, last), where the two tokens' exact logits are ${apart} apart (median, 90%, most of ${gaps.length})`,
        }),
  });
  return share;
}

/** Root mean square of the difference, in percent of the logits' spread; the median of the prompts. */
function logitsApart(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  const each = a.map((one, i) => {
    const other = b[i]!;
    const mean = one.reduce((sum, value) => sum + value, 0) / one.length;
    let [difference, spread] = [0, 0];
    for (let t = 0; t < one.length; t++) {
      difference += (one[t]! - other[t]!) ** 2;
      spread += (one[t]! - mean) ** 2;
    }
    return 100 * Math.sqrt(difference / spread);
  });
  return quantile(each, 0.5);
}

/** How logits part with the layers: behind one token, which attends to itself alone, and behind a prompt. Median of some prompts. */
async function compareLayers(
  path: string,
  prompts: readonly number[][],
  json: string,
  work: string,
): Promise<void> {
  const some = prompts.slice(0, COMPARED);
  for (const layers of LAYERS) {
    const file = await rewritten(path, join(work, `${layers}-layers.gguf`), "Q8_0", json, layers);
    for (const [what, texts] of [
      ["one token", some.map((prompt) => [prompt[5]!])],
      ["a prompt", some],
    ] as const) {
      const theirs = await llamaLogits(file, texts, {});
      const itself = await llamaLogits(file, texts, TOKEN_BY_TOKEN);
      const byDefault = logitsApart(theirs, await mnemeLogits(file, texts, BY_DEFAULT));
      printFigure("gguf-parity", {
        metric: `logits of ${layers} layer${layers > 1 ? "s" : ""} behind ${what}, apart`,
        unit: "%",
        better: "less",
        ours: logitsApart(theirs, await mnemeLogits(file, texts, AS_LLAMA)),
        note: `of their spread; llama.cpp token by token ${logitsApart(theirs, itself).toFixed(3)}, Mneme by default ${byDefault.toFixed(3)}`,
      });
    }
    rmSync(file);
  }
}

async function main(): Promise<void> {
  const folder = resolve(dataFolder(), "../models/mneme-lm");
  const work = mkdtempSync(join(tmpdir(), "mneme-parity-"));
  try {
    const path = writeModel("mneme-lm", "Q8_0", folder, work);
    const json = readFileSync(join(folder, "tokenizer.json"), "utf8");
    const { tokenizer } = await load(folder);
    const end = tokenizer.idOf(END)!;
    const prompts = promptsOf(tokenizer);
    const f32 = await rewritten(path, join(work, "exact.gguf"), "F32", json);
    const exact = await llamaSays(f32, prompts, end, { f32Cache: true }, true);
    const theirs = await llamaSays(path, prompts, end, {});
    const flash = await llamaSays(path, prompts, end, FLASH);
    const byToken = await llamaSays(path, prompts, end, TOKEN_BY_TOKEN);
    const byDefault = await mnemeSays(path, prompts, BY_DEFAULT);
    const f32Pages = await mnemeSays(path, prompts, { cache: "f32", activations: "int16" });
    const asLlama = await mnemeSays(path, prompts, AS_LLAMA);
    const row = (name: string, a: Said, b: Said, rest: Partial<Pair> = {}): number =>
      compare({ name, a, b, ...rest }, exact, end);
    const share = row("llama.cpp, a prompt token by token and whole", byToken, theirs);
    row("llama.cpp, with flash attention and without", flash, theirs);
    const beside = { system: "llama.cpp and itself", share };
    row("Mneme and llama.cpp", byDefault, theirs, { beside, claim: 95 });
    row("Mneme rounding as llama.cpp, and llama.cpp", asLlama, theirs, { beside, claim: 95 });
    row("Mneme rounding as it, and flash attention", asLlama, flash, { beside });
    row("Mneme and the exact model", byDefault, exact);
    row("Mneme, f32 pages, and the exact model", f32Pages, exact, { claim: 99 });
    row("Mneme rounding as llama.cpp, and the exact", asLlama, exact);
    row("llama.cpp and the exact model", theirs, exact);
    await compareLayers(path, prompts, json, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

void main();
