import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMnemeError } from "../../../errors.ts";
import { FmIndex } from "./fm-index.ts";
import { findWithin, locateVariant } from "./mismatches.ts";
import { backOff, nextBytes, nextTokens, probabilityOf, tokenBytes } from "./n-grams.ts";

const SEED = 17;
const small = { shardBytes: 60, blockBytes: 40 };
const symbols = (most: number, maxLength: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength });
const corpora = fc.array(symbols(3, 40), { minLength: 1, maxLength: 6 });

const startsWith = (text: readonly number[], at: number, part: readonly number[]): boolean =>
  part.every((symbol, i) => text[at + i] === symbol);

/** What follows a context, symbol by symbol. */
function following(texts: readonly (readonly number[])[], context: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const text of texts)
    for (let at = 0; at + context.length < text.length; at++) {
      const next = text[at + context.length]!;
      if (startsWith(text, at, context)) counts.set(next, (counts.get(next) ?? 0) + 1);
    }
  return counts;
}

/** The longest end of a context that is followed by something. */
function longest(texts: readonly (readonly number[])[], context: readonly number[]): number[] {
  for (let at = 0; at < context.length; at++)
    if (following(texts, context.slice(at)).size > 0) return context.slice(at);
  return [];
}

describe("n-grams", () => {
  it("back off to what the texts hold, and count what follows", async () => {
    await fc.assert(
      fc.asyncProperty(corpora, symbols(3, 8), async (texts, context) => {
        await using index = await FmIndex.build(
          texts.map((text) => Uint8Array.from(text)),
          small,
        );
        const end = longest(texts, context);
        const counts = following(texts, end);
        const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
        const bytes = Uint8Array.from(context);
        const { used, probabilities } = await nextBytes(index, bytes);
        expect(used).toBe(end.length);
        for (let byte = 0; byte < 4; byte++)
          expect(probabilities[byte]).toBeCloseTo((counts.get(byte) ?? 0) / total, 12);
        const { probability } = await probabilityOf(index, bytes, Uint8Array.of(2));
        expect(probability).toBe(probabilities[2]);
        const short = longest(texts, context.slice(-2));
        expect((await backOff(index, bytes, { most: 2 })).used).toBe(short.length);
      }),
      { seed: SEED, numRuns: 40 },
    );
  });

  it("know tokens of any size", async () => {
    const sizes = [5, 200, 3000, 100_000];
    await fc.assert(
      fc.asyncProperty(corpora, symbols(3, 4), async (texts, context) => {
        const tokens = texts.map((text) => text.map((symbol) => sizes[symbol]!));
        await using index = await FmIndex.build(tokens.map(tokenBytes), small);
        const wanted = context.map((symbol) => sizes[symbol]!);
        const end = longest(tokens, wanted);
        const found = await nextTokens(index, wanted);
        expect(found.used).toBe(end.length);
        expect(new Map([...found.tokens].map((token, i) => [token, found.counts[i]!]))).toEqual(
          following(tokens, end),
        );
      }),
      { seed: SEED, numRuns: 40 },
    );
    expect(() => tokenBytes([2 ** 21])).toThrow(/token/);
  });
});

describe("mismatches", () => {
  it("equal a comparison at every place", async () => {
    await fc.assert(
      fc.asyncProperty(corpora, symbols(3, 8), fc.nat(3), async (texts, pattern, k) => {
        await using index = await FmIndex.build(
          texts.map((text) => Uint8Array.from(text)),
          small,
        );
        const expected: string[] = [];
        for (const [d, text] of texts.entries())
          for (let at = 0; at + pattern.length <= text.length; at++) {
            const differing = pattern.filter((symbol, i) => text[at + i] !== symbol).length;
            if (differing <= k) expected.push(`${d} ${at} ${differing}`);
          }
        const found: string[] = [];
        for (const variant of await findWithin(index, Uint8Array.from(pattern), { k })) {
          const { documents, offsets } = await locateVariant(index, variant);
          expect(documents.length).toBe(variant.count);
          for (const [i, d] of documents.entries()) found.push(`${d} ${offsets[i]} ${variant.mismatches}`);
        }
        expect(found.sort()).toEqual(expected.sort());
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("are bounded", async () => {
    await using index = await FmIndex.build(["abcabdabeabfabgabh".repeat(20)]);
    const search = findWithin(index, "abcabdab", { k: 4, maxSteps: 10 });
    await expect(search).rejects.toSatisfy((error) => isMnemeError(error, "BUDGET"));
    await expect(findWithin(index, "a", { k: 9 })).rejects.toSatisfy((error) => isMnemeError(error, "RANGE"));
  });
});
