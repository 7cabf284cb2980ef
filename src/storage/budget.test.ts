import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isMnemeError } from "../errors.ts";
import { Budget, type Claim } from "./budget.ts";

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isMnemeError(error)) return error.code;
    throw error;
  }
  return "no error";
}

/** A cache that holds `bytes` and can give up to `elastic` of them. */
function cache(budget: Budget, name: string, bytes: number, asked?: string[]): Claim {
  let held = bytes;
  const claim: Claim = budget.claim(name, {
    bytes,
    shrink: (wanted) => {
      asked?.push(name);
      const freed = Math.min(held, wanted);
      held -= freed;
      claim.resize(held);
      return freed;
    },
  });
  return claim;
}

describe("Budget", () => {
  it("counts claims and gives released ones back once", () => {
    const budget = new Budget(100);
    const a = budget.claim("a", { bytes: 40 });
    const b = budget.claim("b");
    b.resize(60);
    expect([budget.usedBytes, a.bytes, b.bytes]).toEqual([100, 40, 60]);
    expect(budget.usage()).toEqual([
      { name: "a", bytes: 40, shrinkable: false },
      { name: "b", bytes: 60, shrinkable: false },
    ]);
    a[Symbol.dispose]();
    a[Symbol.dispose]();
    expect(budget.usedBytes).toBe(60);
    expect(codeOf(() => a.resize(0))).toBe("no error");
    expect(codeOf(() => a.resize(1))).toBe("DISPOSED");
    expect(budget.usedBytes).toBe(60);
  });

  it("refuses what does not fit and changes nothing", () => {
    const budget = new Budget(100);
    const a = budget.claim("a", { bytes: 90 });
    expect(codeOf(() => a.resize(101))).toBe("BUDGET");
    expect(codeOf(() => budget.claim("b", { bytes: 11 }))).toBe("BUDGET");
    expect([a.bytes, budget.usedBytes, budget.usage().length]).toEqual([90, 90, 1]);
  });

  it("never refuses what is there already, asks for it, and refuses whoever grows next", () => {
    const budget = new Budget(100);
    const pages = cache(budget, "pages", 30);
    const index = budget.claim("index", { bytes: 60 });
    index.hold(90);
    expect([index.bytes, pages.bytes, budget.usedBytes]).toEqual([90, 10, 100]);
    index.hold(120);
    expect([index.bytes, pages.bytes, budget.usedBytes]).toEqual([120, 0, 120]);
    expect(codeOf(() => index.resize(121))).toBe("BUDGET");
    expect(codeOf(() => budget.claim("more", { bytes: 1 }))).toBe("BUDGET");
    expect([index.bytes, budget.usedBytes]).toEqual([120, 120]);
    expect(codeOf(() => index.hold(-1))).toBe("RANGE");
    index.resize(40);
    expect([index.bytes, budget.usedBytes]).toEqual([40, 40]);
  });

  it("lets a cache give back what it grew by while others hold more than the limit", () => {
    const budget = new Budget(100);
    budget.claim("index").hold(150);
    let held = 0;
    const claim: Claim = budget.claim("cache", {
      shrink: (wanted) => {
        const freed = Math.min(held, wanted);
        held -= freed;
        claim.resize(held);
        return freed;
      },
    });
    held = 20;
    expect(codeOf(() => claim.resize(20))).toBe("no error");
    expect([held, claim.bytes, budget.usedBytes]).toEqual([0, 0, 150]);
  });

  it("asks the largest first, and only as far as needed", () => {
    const budget = new Budget(100);
    const asked: string[] = [];
    const small = cache(budget, "small", 20, asked);
    const large = cache(budget, "large", 50, asked);
    const growing = cache(budget, "growing", 30, asked);
    budget.claim("index", { bytes: 10 });
    expect([asked, small.bytes, large.bytes, growing.bytes]).toEqual([["large"], 20, 40, 30]);
    budget.claim("more", { bytes: 80 });
    expect(asked).toEqual(["large", "large", "growing", "small"]);
    expect(budget.usedBytes).toBe(100);
  });

  it("lets a large cache that outgrew the budget shrink itself, not empty the small ones", () => {
    const budget = new Budget(100);
    const asked: string[] = [];
    const small = cache(budget, "small", 30, asked);
    let held = 60;
    const large: Claim = budget.claim("large", {
      bytes: held,
      shrink: (wanted) => {
        asked.push("large");
        held -= wanted;
        large.resize(held);
        return wanted;
      },
    });
    held = 75;
    large.resize(held);
    expect([asked, small.bytes, large.bytes]).toEqual([["large"], 30, 70]);
  });

  it("lets a cache that outgrew the budget shrink itself", () => {
    const budget = new Budget(100);
    let held = 0;
    const claim: Claim = budget.claim("cache", {
      shrink: (wanted) => {
        held -= wanted;
        claim.resize(held);
        return wanted;
      },
    });
    held = 130;
    claim.resize(held);
    expect([held, claim.bytes, budget.usedBytes]).toEqual([100, 100, 100]);
  });

  it("refuses numbers that are no bytes", () => {
    for (const bytes of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(codeOf(() => new Budget(100).claim("a", { bytes }))).toBe("RANGE");
    for (const limit of [0, -5, Number.NaN]) expect(codeOf(() => new Budget(limit))).toBe("RANGE");
  });

  it("never exceeds its limit nor miscounts, whatever happens", () => {
    const step = fc.record({
      who: fc.nat(4),
      bytes: fc.nat(120),
      release: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new Budget(100);
        const claims: (Claim | undefined)[] = [];
        for (const { who, bytes, release } of steps) {
          const known = claims[who];
          if (known && release && bytes % 4 === 0) {
            known[Symbol.dispose]();
            claims[who] = undefined;
          } else {
            const code = codeOf(() => {
              if (known) known.resize(bytes);
              else claims[who] = who % 2 ? stingy(budget, who, bytes) : budget.claim(`${who}`, { bytes });
            });
            expect(["no error", "BUDGET"]).toContain(code);
          }
          const held = claims.reduce((sum, claim) => sum + (claim?.bytes ?? 0), 0);
          expect(budget.usedBytes).toBe(held);
          expect(budget.usedBytes).toBeLessThanOrEqual(100);
          expect(budget.usage().length).toBe(claims.filter(Boolean).length);
        }
      }),
      { seed: 9, numRuns: 300 },
    );
  });
});

/** Gives only half of what it is asked for. */
function stingy(budget: Budget, who: number, bytes: number): Claim {
  const claim: Claim = budget.claim(`${who}`, {
    shrink: (wanted) => {
      const freed = Math.min(claim.bytes, Math.ceil(wanted / 2));
      claim.resize(claim.bytes - freed);
      return freed;
    },
  });
  try {
    claim.resize(bytes);
  } catch (error) {
    claim[Symbol.dispose]();
    throw error;
  }
  return claim;
}
