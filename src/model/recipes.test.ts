/** Every recipe on a model: what it keeps, the bytes it takes, and that one with room for everything changes nothing. */
import { afterAll, describe, expect, test } from "vitest";
import { randomConfig, randomSource } from "../../test/support/random-model.ts";
import {
  type CachePolicy,
  duo,
  full,
  heavyHitters,
  quantise,
  slidingWindow,
  snapKv,
  together,
  tovaPolicy,
} from "../cache/index.ts";
import { kernels } from "../kernels/index.ts";
import { Decoder } from "./decoder.ts";
import { DecoderWeights } from "./decoder-weights.ts";
import { Governor } from "./governor.ts";
import { type HeadProfileOptions, headProfile } from "./head-profile.ts";
import { logProbability } from "./sample.ts";

const config = randomConfig({ head_dim: 32, max_position_embeddings: 2048 });
const heads = config.layers * config.kvHeads;
const decoder = new Decoder(
  kernels(),
  config,
  new DecoderWeights(kernels(), config, randomSource(config, 3), "bf16"),
  () => undefined,
);
afterAll(() => decoder[Symbol.dispose]());

const promptOf = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i * 29 + ((i * i) % 13) * 5 + (i % 7)) % 61);

/** Reads a prompt by pieces, then generates the likeliest tokens. */
function run(
  policy: CachePolicy,
  prompt: readonly number[],
  tokens: number,
): { governor: Governor; logits: Float32Array[] } {
  const governor = new Governor(kernels(), config, policy, () => undefined);
  const logits: Float32Array[] = [];
  const take = (piece: readonly number[]): void => {
    logits.push(decoder.forward(piece, governor.cache, governor.watch).slice());
  };
  for (let at = 0; at < prompt.length; at += 256) {
    take(prompt.slice(at, at + 256));
    if (at + 256 < prompt.length) governor.afterPiece();
  }
  governor.afterPrompt();
  const prefill = logits.splice(0).at(-1)!;
  logits.push(prefill);
  for (let t = 0; t < tokens; t++) {
    take([(t * 17 + 3) % 61]);
    governor.afterToken();
  }
  return { governor, logits };
}

const slotsOf = ({ cache }: Governor): number[] =>
  Array.from({ length: heads }, (_, i) => cache.slotsOf(Math.floor(i / config.kvHeads), i % config.kvHeads));

function distance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let [error, all] = [0, 0];
  a.forEach((row, i) =>
    row.forEach((value, j) => {
      error += (value - b[i]![j]!) ** 2;
      all += value ** 2;
    }),
  );
  return Math.sqrt(error / all);
}

describe("what stays", () => {
  test("window: sinks, and the last ones from the beginning of a page on", () => {
    const { governor } = run(slidingWindow({ sinks: 4, recent: 100 }), promptOf(700), 130);
    using _ = governor;
    const positions = [...governor.cache.positions(1, 1)];
    expect(positions.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(positions.slice(4)).toEqual(
      Array.from({ length: positions.length - 4 }, (_, i) => 830 - (positions.length - 4) + i),
    );
    expect(positions.length).toBeLessThan(4 + 100 + 64 + 64);
    expect(governor.cache.length).toBe(830);
  });

  test("duo: everything in heads that retrieve, a window in the others, bytes accordingly", () => {
    const mask = Uint8Array.of(1, 0, 0, 1);
    const { governor } = run(duo(mask, { sinks: 64, recent: 128 }), promptOf(1500), 100);
    using _ = governor;
    const slots = slotsOf(governor);
    expect([slots[0], slots[3]]).toEqual([1600, 1600]);
    for (const streaming of [slots[1]!, slots[2]!]) expect(streaming).toBeLessThan(64 + 128 + 128);
    const { governor: whole } = run(full(), promptOf(1500), 100);
    expect(governor.bytes / whole.bytes).toBeLessThan(0.65);
    whole[Symbol.dispose]();
  });

  test("snapkv: the slots that the last queries look at, by weights written out", () => {
    const prompt = promptOf(600);
    const policy = snapKv({ budget: { slots: 100 }, window: 16, kernel: 5 });
    const { governor } = run(policy, prompt, 5);
    using _ = governor;
    const all = new Governor(
      kernels(),
      config,
      { name: "watch", needs: { windowQueries: 16 }, evicts: true },
      () => undefined,
    );
    decoder.forward(prompt, all.cache, all.watch);
    all.heads().forEach((head, i) => {
      const { weights } = head.windowWeights();
      const votes = Array.from({ length: 584 }, (_, s) => {
        let sum = 0;
        for (let row = 0; row < head.group * 16; row++) sum += weights[row * 600 + s]!;
        return sum;
      });
      const smooth = votes.map((_, s) =>
        [-2, -1, 0, 1, 2].reduce((sum, by) => sum + (votes[s + by] ?? 0), 0),
      );
      const best = smooth
        .map((_, s) => s)
        .sort((a, b) => smooth[b]! - smooth[a]! || a - b)
        .slice(0, 84);
      const kept = [...governor.cache.positions(Math.floor(i / 2), i % 2)];
      const expected = [...best, ...Array.from({ length: 21 }, (_, t) => 584 + t)].sort((a, b) => a - b);
      // equal but for slots whose votes are all but equal
      const shared = kept.filter((position) => expected.includes(position)).length;
      expect(kept).toHaveLength(105);
      expect(shared).toBeGreaterThanOrEqual(104);
    });
    all[Symbol.dispose]();
  });

  test.each<[string, CachePolicy, number]>([
    ["h2o", heavyHitters({ slots: 120 }), 120 + 32],
    ["tova", tovaPolicy({ slots: 120 }), 120 + 16],
  ])("%s: never more than its slots and an interval", (_, policy, most) => {
    const { governor } = run(policy, promptOf(500), 100);
    using __ = governor;
    for (const slots of slotsOf(governor)) expect(slots).toBeLessThanOrEqual(most);
    expect(governor.cache.length).toBe(600);
  });

  test("tova: the same in all heads of a layer", () => {
    const { governor } = run(tovaPolicy({ slots: 80 }), promptOf(400), 1);
    using _ = governor;
    expect(governor.cache.positions(0, 0)).toEqual(governor.cache.positions(0, 1));
    expect(governor.cache.positions(0, 0)).not.toEqual(governor.cache.positions(1, 0));
  });
});

describe("near the full cache", () => {
  const prompt = promptOf(500);
  const { governor: whole, logits: expected } = run(full("f32"), prompt, 80);
  whole[Symbol.dispose]();

  test.each<[string, CachePolicy, number]>([
    ["snapkv with room for all", snapKv({ budget: { slots: 1000 } }), 0.02],
    ["h2o with room for all", heavyHitters({ slots: 1000 }), 0.02],
    ["duo of heads that all retrieve", duo(() => true), 0.02],
    ["f16", full("f16"), 2e-3],
    ["int8", full(), 0.02],
    ["affine4", quantise("affine4"), 0.1],
    ["lloyd4", quantise("lloyd4"), 0.1],
    ["affine2", quantise("affine2"), 0.5],
    ["lloyd2", quantise("lloyd2"), 0.5],
    [
      "duo, then lloyd4",
      together(
        duo(() => true),
        quantise("lloyd4"),
      ),
      0.1,
    ],
  ])("%s", (_, policy, bound) => {
    const { governor, logits } = run(policy, prompt, 80);
    using __ = governor;
    expect(distance(expected, logits)).toBeLessThan(bound);
  });

  test("4 bits take about half of int8, 2 bits less than a third", () => {
    const bytes = (policy: CachePolicy): number => {
      const { governor } = run(policy, promptOf(1400), 1);
      using _ = governor;
      return governor.bytes;
    };
    const int8 = bytes(full());
    for (const codec of ["affine4", "lloyd4"] as const)
      expect(bytes(quantise(codec)) / int8).toBeLessThan(0.65);
    for (const codec of ["affine2", "lloyd2"] as const)
      expect(bytes(quantise(codec)) / int8).toBeLessThan(0.45);
  });
});

describe("a profile of heads", () => {
  const answered = [500, 450].map((length) => ({ prompt: promptOf(length), answer: [3, 7, 11] }));
  const profileOf = (prompts: typeof answered, options: HeadProfileOptions = {}): Promise<Float32Array> =>
    headProfile(kernels(), decoder, () => undefined, prompts, options);

  /** What the answers cost where some heads keep sinks and window only, token by token. */
  const cost = (mask: readonly number[]): number => {
    let sum = 0;
    for (const { prompt, answer } of answered) {
      using governor = new Governor(kernels(), config, duo(mask, { sinks: 4, recent: 16 }), () => undefined);
      decoder.forward(prompt.slice(0, -1), governor.cache, governor.watch);
      governor.afterPrompt();
      [prompt.at(-1)!, ...answer.slice(0, -1)].forEach((token, i) => {
        const logits = decoder.forward([token], governor.cache, governor.watch);
        sum -= logProbability(logits, answer[i]!) / answer.length;
      });
    }
    return sum;
  };

  test("lets go of the head that the answers miss least, then of the next, until one is left", async () => {
    const told: number[] = [];
    const options = { sinks: 4, recent: 16, onProgress: (done: number) => told.push(done) };
    const profile = await profileOf(answered, options);
    const mask: number[] = new Array(heads).fill(1);
    for (let gone = 0; gone < heads; gone++) {
      const without = (head: number): number => cost(mask.map((one, i) => (i === head ? 0 : one)));
      const left = mask.flatMap((one, head) => (one ? [{ head, harm: without(head) }] : []));
      const next = profile.indexOf(Math.fround(gone / heads));
      const least = Math.min(...left.map(({ harm }) => harm));
      expect(left.find(({ head }) => head === next)?.harm).toBeCloseTo(least, 3);
      mask[next] = 0;
    }
    expect(told.at(-1)).toBe(1);
    expect(told).toEqual([...told].sort((a, b) => a - b));
  });

  test("lets go of several at once in few rounds", async () => {
    const profile = await profileOf(answered, { sinks: 4, recent: 16, rounds: 2 });
    expect([...profile].sort()).toEqual(
      Array.from({ length: heads }, (_, i) => Math.fround(i / heads)).sort(),
    );
  });

  test("refuses prompts that are too short, rounds that are none, and stops when asked", async () => {
    const short = [{ prompt: promptOf(100), answer: [1] }];
    await expect(profileOf(short)).rejects.toThrow(/no prompt with an answer is longer than 64 \+ 256/);
    await expect(profileOf([{ prompt: promptOf(500), answer: [] }])).rejects.toThrow(/with an answer/);
    await expect(profileOf(answered, { rounds: 0 })).rejects.toThrow(/rounds must be a whole number from 1/);
    const signal = AbortSignal.abort();
    await expect(profileOf(answered, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

test("options that cannot be are refused by name", () => {
  expect(() => snapKv({ budget: { slots: 10 } })).toThrow(/10 slots cannot hold 0 sinks and 32 recent/);
  expect(() => snapKv({ budget: { share: 1.5 } })).toThrow(/a budget of 1.5 share/);
  expect(() => snapKv({ budget: { slots: 100 }, kernel: 4 })).toThrow(/odd/);
  expect(() => slidingWindow({ recent: 0 })).toThrow(/recent/);
  expect(() => heavyHitters({ slots: 0 })).toThrow(/budget of 0 slots/);
  expect(() => together(quantise("lloyd4"), snapKv({ budget: { slots: 100 } }))).toThrow(/come first/);
  expect(() => together(heavyHitters({ slots: 100 }), quantise("lloyd4"))).toThrow(/goes on evicting/);
  const { governor } = run(full(), promptOf(10), 1);
  using _ = governor;
  expect(() => duo(Uint8Array.of(1)).afterPrompt!(governor)).toThrow(/a mask of 1 heads, the model has 4/);
});
