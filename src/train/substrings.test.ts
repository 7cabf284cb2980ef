/** An output layer that is taught, and the model that comes of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeModelFolder } from "../../test/support/model-folder.ts";
import { matrix, rowOf } from "../linalg/matrix.ts";
import { Random } from "../linalg/random.ts";
import { load } from "../model/index.ts";
import { trainOutput } from "./output.ts";
import { drawSpans, trainSubstrings } from "./substrings.ts";

const scratch = mkdtempSync(join(tmpdir(), "mneme-taught-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe("an output layer", () => {
  test("learns what follows states", async () => {
    const [width, vocabulary, rows] = [16, 40, 400];
    const random = new Random(3);
    const gaussian = (count: number, cols: number) =>
      matrix(
        count,
        cols,
        Float32Array.from({ length: count * cols }, () => random.gaussian()),
      );
    const [output, states] = [gaussian(vocabulary, width), gaussian(rows, width)];
    // what follows a state is the token most like the state turned around
    const likest = (of: typeof output, state: Float32Array): number => {
      const scores = Array.from({ length: vocabulary }, (_, token) => dot(rowOf(of, token), state));
      return scores.indexOf(Math.max(...scores));
    };
    const turned = (state: Float32Array): Float32Array => state.map((_, i) => state[width - 1 - i]!);
    const tokens = Uint32Array.from({ length: rows }, (_, row) => likest(output, turned(rowOf(states, row))));
    const right = (of: typeof output): number =>
      tokens.reduce((count, token, row) => count + Number(likest(of, rowOf(states, row)) === token), 0) /
      rows;
    const taught = await trainOutput({ states, tokens }, output, { steps: 200, batch: 64, rate: 0.03 });
    expect(right(output)).toBeLessThan(0.2);
    expect(right(taught)).toBeGreaterThan(0.7);
  }, 60_000);

  test("refuses what does not belong together", async () => {
    const tokens = new Uint32Array(4);
    await expect(trainOutput({ states: matrix(3, 8), tokens }, matrix(9, 8))).rejects.toMatchObject({
      code: "DIMENSION",
    });
    await expect(trainOutput({ states: matrix(4, 8), tokens }, matrix(9, 8))).rejects.toMatchObject({
      code: "INSUFFICIENT_DATA",
    });
  });
});

test("a taught copy of a model is a model, likelier to write what it was taught", async () => {
  const folder = writeModelFolder(join(scratch, "tiny"), { context: 512 });
  const pairs = Array.from({ length: 24 }, (_, i) => ({
    question: `q${i % 4}?`,
    text: "zyxw zyxw zyxw zyxw",
  }));
  const to = join(scratch, "taught");
  const options = { model: folder, span: 5, steps: 60, batch: 32, rate: 0.02, prompt: "About {question}:" };
  const { spans } = await trainSubstrings(pairs, to, options);
  expect(spans).toBe(24);
  await using before = await load(folder, { workers: 0, weightCache: false });
  await using after = await load(to, { workers: 0, weightCache: false });
  const sum = async (model: typeof before): Promise<number> => {
    const scores = await model.score([...model.encode("About q1?:", true), ...model.encode("zyxw ")]);
    return scores.slice(-4).reduce((total, score) => total + score, 0);
  };
  expect(await sum(after)).toBeGreaterThan((await sum(before)) + 3);
  await expect(trainSubstrings(pairs, to, options)).rejects.toMatchObject({ code: "EXISTS" });
  await expect(
    trainSubstrings([{ question: "q", text: "z" }], join(scratch, "no"), options),
  ).rejects.toMatchObject({
    code: "INSUFFICIENT_DATA",
  });
}, 60_000);

test("spans lie in the text, those that share most with the question most often", () => {
  const body = Array.from({ length: 60 }, (_, i) => i);
  const spans = drawSpans([20, 21, 22, 23, 24], body, 5, 400, new Random(1));
  for (const span of spans) expect(span).toEqual(body.slice(span[0]!, span[0]! + 5));
  const whole = spans.filter(([first]) => first === 20).length;
  const far = spans.filter(([first]) => first === 40).length;
  expect(whole).toBeGreaterThan(20 * Math.max(1, far));
});
