/** What is kept of attention, against sums written out over keys and queries. */
import { describe, expect, test } from "vitest";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import type { CacheCodec } from "../cache/page-codec.ts";
import { PagedCache } from "../cache/paged-cache.ts";
import type { HeadContext } from "../cache/parts.ts";
import { kernels, openPool } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { Governor } from "./governor.ts";

const decoderOf = (config: ModelConfig): Decoder =>
  new Decoder(
    kernels(),
    config,
    new DecoderWeights(kernels(), config, randomSource(config, 3), "bf16"),
    () => undefined,
  );
const tokens = Array.from({ length: 300 }, (_, i) => (i * 31 + (i % 9)) % 61);

/** Runs `pieces` tokens at a time; all queries are kept by a window that holds the whole of them. */
function watched(
  codec: CacheCodec,
  turned: boolean,
  window: number,
): { governor: Governor; config: ModelConfig } {
  const config = randomConfig({ head_dim: 32 });
  using decoder = decoderOf(config);
  const needs = { windowQueries: window, weightSums: true };
  const governor = new Governor(
    kernels(),
    config,
    { name: "test", needs, evicts: true, codec, turned },
    () => undefined,
  );
  for (const [from, to] of [
    [0, 90],
    [90, 91],
    [91, 200],
  ] as const)
    decoder.forward(tokens.slice(from, to), governor.cache, governor.watch);
  return { governor, config };
}

function sumOfRows(head: HeadContext): Float64Array {
  const { weights, queries } = head.windowWeights();
  const sums = new Float64Array(head.slots);
  for (let r = 0; r < head.group * queries; r++)
    for (let s = 0; s < head.slots; s++) sums[s]! += weights[r * head.slots + s]! / head.group;
  return sums;
}

describe.each([
  ["f32", false],
  ["f32", true],
  ["f16", false],
  ["int8", true],
] as const)("%s, turned: %s", (codec, turned) => {
  test("rows sum to one, are causal, and follow the keys; sums are those of all rows", () => {
    const { governor, config } = watched(codec, turned, 200);
    using _ = governor;
    for (const head of governor.heads()) {
      const { weights, queries } = head.windowWeights();
      expect(queries).toBe(200);
      for (const [row, t] of [
        [0, 0],
        [77, 77],
        [199, 199],
        [200 + 130, 130],
      ] as const) {
        const of = weights.subarray(row * head.slots, (row + 1) * head.slots);
        expect(of.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 4);
        expect(of.subarray(t + 1).every((one) => one === 0)).toBe(true);
      }
      const [sums, rows] = [head.weightSums(), sumOfRows(head)];
      for (let s = 0; s < head.slots; s++)
        expect(Math.abs(sums[s]! - rows[s]!)).toBeLessThan(1e-3 * (1 + rows[s]!));
      expect(head.group).toBe(config.heads / config.kvHeads);
    }
  });

  test("sums follow the slots that stay", () => {
    const { governor } = watched(codec, turned, 16);
    using _ = governor;
    const before = governor.heads()[1]!.weightSums().slice();
    const kept = Int32Array.of(0, 3, 64, 130, 199);
    governor.keep(0, 1, kept);
    expect([...governor.heads()[1]!.weightSums()]).toEqual([...kept].map((slot) => before[slot]!));
    // the other heads have theirs
    expect(governor.heads()[0]!.weightSums()).toHaveLength(200);
  });
});

const ROUNDS = 30;

test.each([1, 2])(
  "sums are the same beside other sequences, by several threads: %i heads",
  async (kvHeads) => {
    await using pool = await openPool(kernels(), { workers: 1 });
    const config = randomConfig({ head_dim: 32, num_key_value_heads: kvHeads });
    const weights = new DecoderWeights(kernels(), config, randomSource(config, 3), "bf16");
    using decoder = new Decoder(kernels(), config, weights, () => pool);
    const policy = { name: "test", needs: { weightSums: true }, evicts: true };
    const sums = (beside: readonly number[]): number[][] => {
      using governor = new Governor(kernels(), config, policy, () => (beside.length > 0 ? pool : undefined));
      const { cache, watch } = governor;
      for (const [from, to] of [
        [0, 100],
        [100, 101],
        [101, 170],
      ] as const) {
        using other = new PagedCache(kernels(), decoder.shape);
        const span = { tokens: tokens.slice(from, to), cache, watch };
        decoder.step(beside.length > 0 ? [{ tokens: beside, cache: other }, span] : [span]);
      }
      return governor.heads().map((head) => [...head.weightSums()]);
    };
    const alone = sums([]);
    // many times: threads that add to one sum at once seldom do so in the same moment
    for (let round = 0; round < ROUNDS; round++)
      for (const count of [1, 3, 45])
        sums(tokens.slice(0, count)).forEach((head, i) => {
          const off = head.map((sum, s) => Math.abs(sum - alone[i]![s]!) / (1 + sum));
          expect(head).toHaveLength(170);
          expect(Math.max(...off)).toBeLessThan(1e-3);
        });
  },
);

test("statistics of queries are of those before rotation", () => {
  const config = randomConfig({ head_dim: 16 });
  using decoder = decoderOf(config);
  const policy = { name: "test", needs: { queryStatistics: true }, evicts: true };
  using governor = new Governor(kernels(), config, policy, () => undefined);
  // a token's first-layer query before rotation does not depend on where it stands
  decoder.forward(
    Array.from({ length: 40 }, () => 7),
    governor.cache,
    governor.watch,
  );
  const { mean, covariance } = governor.heads()[0]!.queryStatistics();
  expect(mean.some((one) => Math.abs(one) > 0.05)).toBe(true);
  expect(covariance.every((one) => Math.abs(one) < 1e-4)).toBe(true);
  const head = governor.heads()[0]!;
  const row = mean.slice(0, 16);
  const turned = row.slice();
  head.rotate(turned, 12);
  expect(turned).not.toEqual(row);
  head.unrotate(turned, 12);
  turned.forEach((one, i) => {
    expect(one).toBeCloseTo(row[i]!, 5);
  });
});

test("what was not asked for is refused by name", () => {
  const config = randomConfig();
  using governor = new Governor(
    kernels(),
    config,
    { name: "test", needs: {}, evicts: false },
    () => undefined,
  );
  const [head] = governor.heads();
  expect(() => head!.weightSums()).toThrow(/weightSums was not kept/);
  expect(() => head!.windowWeights()).toThrow(/windowQueries/);
  expect(() => head!.queryStatistics()).toThrow(/queryStatistics/);
  const sliding = randomConfig({ architectures: ["MistralForCausalLM"], sliding_window: 20 });
  expect(
    () => new Governor(kernels(), sliding, { name: "h2o", needs: {}, evicts: true }, () => undefined),
  ).toThrow(/h2o evicts slots/);
});
