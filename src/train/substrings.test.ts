/** A decoder's layers as the training computes them, rows of spans, and the model that comes of it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { referenceStates } from "../../test/support/reference-decoder.ts";
import { matrix } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { openCheckpoint } from "../model/checkpoint.ts";
import { load } from "../model/index.ts";
import { decodeRows, layerTensors, readLayers } from "./decoder-layers.ts";
import { loadJax } from "./jax.ts";
import { drawSpans, spanLayout, spanRows } from "./span-rows.ts";
import { trainSubstrings } from "./substrings.ts";
import { writeTaught } from "./write-taught.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-taught-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

test("states of a span are those that the model has behind its prompt alone, whatever stands beside it", async () => {
  const folder = writeModelFolder(join(scratch, "states"), { seed: 4 });
  using checkpoint = await openCheckpoint(folder);
  const { config, tensors } = checkpoint;
  const { vocabulary, width } = config;
  const embedding = matrix(
    vocabulary,
    width,
    tensors.read("model.embed_tokens.weight", 0, vocabulary * width),
  );
  const random = new Random(6);
  const tokens = (count: number): number[] => Array.from({ length: count }, () => random.integer(vocabulary));
  const shape = { prompt: 12, span: 4, spans: 3 };
  const prompts = [tokens(12), tokens(5), tokens(20)];
  const sources = prompts.map((prompt) => ({ prompt, question: new Set<number>(), body: tokens(30) }));
  const { vectors, held, wanted } = spanRows(sources, shape, embedding, random);
  const jax = await loadJax();
  const { numpy: np } = jax;
  const layout = spanLayout(shape);
  const places = layout.positions.length;
  const states = decodeRows(
    jax,
    config,
    layout,
    readLayers(jax, config, tensors),
    np.array(vectors).reshape([prompts.length, places, width]),
    np.array(held).reshape([prompts.length, places]),
  );
  const data = (await states.data()) as Float32Array;
  for (const [row, prompt] of prompts.entries())
    for (let s = 0; s < shape.spans; s++) {
      const written = wanted.subarray((row * shape.spans + s) * shape.span).subarray(0, shape.span);
      const sequence = [...prompt.slice(-shape.prompt), ...written.subarray(0, -1)];
      const alone = referenceStates(config, tensors, sequence).slice(-shape.span);
      for (let i = 0; i < shape.span; i++) {
        const at = (row * places + shape.prompt - 1 + s * shape.span + i) * width;
        expect(cosine(data.subarray(at, at + width), Float32Array.from(alone[i]!))).toBeGreaterThan(0.99999);
      }
    }
}, 60_000);

describe("a taught copy", () => {
  const folder = writeModelFolder(join(scratch, "tiny"), { context: 512 });
  const pairs = Array.from({ length: 24 }, (_, i) => ({
    question: `q${i % 4}?`,
    text: "zyxw zyxw zyxw zyxw",
  }));
  const options = {
    ...{ model: folder, span: 5, spans: 2, promptTokens: 16, prompt: "About {question}:" },
    ...{ steps: 40, batch: 4, rate: 0.01 },
  };

  test("is a model, likelier to write what it was taught", async () => {
    const to = join(scratch, "taught");
    const { spans, loss } = await trainSubstrings(pairs, to, options);
    expect(spans).toBe(320);
    expect(loss).toBeLessThan(2);
    await using before = await load(folder, { workers: 0, weightCache: false });
    await using after = await load(to, { workers: 0, weightCache: false });
    const sum = async (model: typeof before): Promise<number> => {
      const scores = await model.score([...model.encode("About q1?:", true), ...model.encode("zyxw ")]);
      return scores.slice(-4).reduce((total, score) => total + score, 0);
    };
    expect(await sum(after)).toBeGreaterThan((await sum(before)) + 3);
    await expect(trainSubstrings(pairs, to, options)).rejects.toMatchObject({ code: "EXISTS" });
  }, 60_000);

  test("is refused without a passage long enough, and of other decoders than plain ones", async () => {
    const to = join(scratch, "no");
    const short = [{ question: "q", text: "z" }];
    await expect(trainSubstrings(short, to, options)).rejects.toMatchObject({ code: "INSUFFICIENT_DATA" });
    for (const weight of [0, -1, Number.NaN])
      await expect(
        trainSubstrings([...pairs, { question: "Who?", text: "Nobody.", weight }], to, options),
      ).rejects.toMatchObject({ code: "RANGE" });
    const model = writeModelFolder(join(scratch, "biased"), { config: { attention_bias: true } });
    await expect(trainSubstrings(pairs, to, { ...options, model })).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });

  test("differs in the tensors that were given, and in no others", async () => {
    using checkpoint = await openCheckpoint(folder);
    const [name, shape] = layerTensors(checkpoint.config).at(-1)!;
    const count = shape.reduce((product: number, side) => product * side, 1);
    const values = Float32Array.from({ length: count }, (_, i) => i / count);
    const to = join(scratch, "written");
    writeTaught(folder, to, new Map([[name, values]]));
    using written = await openCheckpoint(to);
    for (const [other, [rows, cols = 1]] of layerTensors(checkpoint.config))
      expect(written.tensors.read(other, 0, rows * cols)).toEqual(
        other === name ? values : checkpoint.tensors.read(other, 0, rows * cols),
      );
    expect(readFileSync(join(to, "config.json"))).toEqual(readFileSync(join(folder, "config.json")));
    expect(() => writeTaught(folder, to, new Map())).toThrow(/already there/);
    expect(() => writeTaught(folder, join(scratch, "x"), new Map([["no", values]]))).toThrow(/no tensor no/);
    expect(() => writeTaught(folder, join(scratch, "y"), new Map([[name, values.slice(1)]]))).toThrow(
      /takes/,
    );
  });
});

test("spans lie in the text, those that share most with the question most often", () => {
  const body = Array.from({ length: 60 }, (_, i) => i);
  const spans = drawSpans(new Set([20, 21, 22, 23, 24]), body, 5, 400, new Random(1));
  for (const span of spans) expect(span).toEqual(body.slice(span[0]!, span[0]! + 5));
  const whole = spans.filter(([first]) => first === 20).length;
  const far = spans.filter(([first]) => first === 40).length;
  expect(whole).toBeGreaterThan(20 * Math.max(1, far));
});
