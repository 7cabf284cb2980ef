/**
 * The cases that every Store passes, whatever its tier. A store is compared with a plain sorted list as the slow reference.
 */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Key, KeyPart, RangeOptions, Store } from "../../src/storage/store.ts";
import { codeOf } from "../support/code-of.ts";

export interface StoreSubject {
  /** An empty store; called before each case. */
  readonly open: () => Promise<Store>;
  /** Called after each case, with the store closed. */
  readonly cleanUp?: () => Promise<void>;
  readonly runs?: number;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);
const keysOf = (store: Store, namespace: string, options?: RangeOptions): Key[] =>
  [...store.range(namespace, options)].map((entry) => entry.key);

/** Order of the contract: numbers before strings, strings by code point, a prefix before its extensions. */
export function compareKeys(a: Key, b: Key): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareParts(a: KeyPart, b: KeyPart): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  const left = [...a].map((c) => c.codePointAt(0)!);
  const right = [...b].map((c) => c.codePointAt(0)!);
  for (let i = 0; i < Math.min(left.length, right.length); i++)
    if (left[i] !== right[i]) return left[i]! - right[i]!;
  return left.length - right.length;
}

const keyPart: fc.Arbitrary<KeyPart> = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom("", "a", "b", "ab", "\u0000", "\u0001", "a\u0000", "a\u0001", "é", "\u{1F600}", "\uFFFD"),
  fc.string({ unit: "binary", maxLength: 6 }),
);
export const anyKey: fc.Arbitrary<Key> = fc.array(keyPart, { minLength: 1, maxLength: 3 });

export function storeContract(name: string, subject: StoreSubject): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await subject.open();
    });
    afterEach(async () => {
      await store.close();
      await subject.cleanUp?.();
    });
    describe("reads and writes", () => readsAndWrites(() => store));
    describe("ranges", () => ranges(() => store));
    describe("batches", () => batches(() => store));
    describe("refusals", () => refusals(() => store));
    describe("properties", () => properties(() => store, subject.runs ?? 60));
  });
}

function readsAndWrites(store: () => Store): void {
  it("gets what was put, undefined for the rest, in the order of the keys", async () => {
    await store().batch((b) => {
      b.put("n", ["a"], bytes("one"));
      b.put("n", ["b", 2], bytes("two"));
      b.put("other", ["a"], bytes("elsewhere"));
    });
    expect(
      store()
        .getMany("n", [["b", 2], ["x"], ["a"]])
        .map(text),
    ).toEqual(["two", undefined, "one"]);
    expect(text(store().get("other", ["a"]))).toBe("elsewhere");
    expect(store().get("none", ["a"])).toBeUndefined();
  });

  it("overwrites, deletes, and keeps empty and large values", async () => {
    const large = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 31 + (i >>> 8)) & 255);
    await store().batch((b) => {
      b.put("n", [1], bytes("old"));
      b.put("n", [2], new Uint8Array(0));
      b.put("n", [3], large);
    });
    await store().batch((b) => {
      b.put("n", [1], bytes("new"));
      b.delete("n", [9]);
    });
    expect(text(store().get("n", [1]))).toBe("new");
    expect(store().get("n", [2])).toEqual(new Uint8Array(0));
    expect(Buffer.compare(store().get("n", [3])!, large)).toBe(0);
    await store().batch((b) => b.delete("n", [3]));
    expect(store().get("n", [3])).toBeUndefined();
  });

  it("takes values of every size around page borders", async () => {
    const sizes = [0, 1, 7, 8, 2000, 2040, 4060, 4064, 4072, 4096, 65_472, 65_504, 65_505, 1_000_003];
    const value = (size: number): Uint8Array => new Uint8Array(size).fill(size & 255);
    await store().batch((b) => {
      for (const size of sizes) b.put("n", [size], value(size));
    });
    for (const size of sizes)
      expect(Buffer.compare(store().get("n", [size])!, value(size)), `${size}`).toBe(0);
    for (const entry of store().range("n"))
      expect(Buffer.compare(entry.value, value(entry.key[0] as number))).toBe(0);
  });

  it("hands out values that later writes and later changes of the input leave alone", async () => {
    const mine = Buffer.from("first");
    await store().batch((b) => b.put("n", ["k"], mine));
    mine.fill(0);
    const held = store().get("n", ["k"])!;
    const heldMany = store().getMany("n", [["k"]])[0]!;
    for (let i = 0; i < 5; i++) await store().batch((b) => b.put("n", ["k"], bytes(`again ${i}`)));
    expect([text(held), text(heldMany)]).toEqual(["first", "first"]);
  });

  it("shows many values one after another, where it has that", async () => {
    await store().batch((b) => {
      b.put("n", [1], bytes("one"));
      b.put("n", [2], bytes("a longer one ".repeat(900)));
    });
    const seen: string[] = [];
    const keys = [[2], [7], [1], [2]];
    store().visitMany?.("n", keys, (value, i) => seen.push(`${i} ${value && text(value)}`));
    const many = store().getMany("n", keys);
    await store().readAhead?.("n", keys);
    await store().readAhead?.("n", []);
    if (store().visitMany) expect(seen).toEqual(many.map((value, i) => `${i} ${value && text(value)}`));
  });

  it("takes views of larger buffers", async () => {
    const whole = bytes("0123456789");
    await store().batch((b) => b.put("n", ["k"], whole.subarray(3, 6)));
    expect(text(store().get("n", ["k"]))).toBe("345");
  });
}

function ranges(store: () => Store): void {
  beforeEach(async () => {
    await store().batch((b) => {
      for (let i = 0; i < 1000; i++) b.put("n", [i % 2 ? "odd" : "even", i], bytes(`${i}`));
      b.put("n", ["even"], bytes("parent"));
      b.put("n", ["evening", 1], bytes("not even"));
      b.put("m", ["even", 1], bytes("other namespace"));
      b.put("n2", ["even", 1], bytes("longer namespace"));
    });
  });

  it("goes through a prefix in order, the parent first, never a longer word", () => {
    const keys = keysOf(store(), "n", { prefix: ["even"] });
    expect(keys.length).toBe(501);
    expect(keys.slice(0, 3)).toEqual([["even"], ["even", 0], ["even", 2]]);
    expect(keys.at(-1)).toEqual(["even", 998]);
  });

  it("cuts by start, end, limit and direction", () => {
    const options = { start: ["even", 10], end: ["even", 20] };
    expect(keysOf(store(), "n", options).map((k) => k[1])).toEqual([10, 12, 14, 16, 18]);
    expect(keysOf(store(), "n", { ...options, reverse: true }).map((k) => k[1])).toEqual([
      18, 16, 14, 12, 10,
    ]);
    expect(keysOf(store(), "n", { ...options, reverse: true, limit: 2 }).map((k) => k[1])).toEqual([18, 16]);
    expect(keysOf(store(), "n", { prefix: ["odd"], start: ["odd", 995], limit: 9 }).map((k) => k[1])).toEqual(
      [995, 997, 999],
    );
    expect(keysOf(store(), "n", { limit: 0 })).toEqual([]);
    expect(keysOf(store(), "n", { start: ["z"], end: ["a"] })).toEqual([]);
    expect(keysOf(store(), "empty")).toEqual([]);
  });

  it("gives values with keys, and can be left early and begun again", () => {
    for (const entry of store().range("n", { prefix: ["odd"] })) {
      expect(text(entry.value)).toBe(String(entry.key[1]));
      if (entry.key[1] === 21) break;
    }
    const again = store().range("n", { prefix: ["odd"], limit: 3 });
    expect([...again].length).toBe(3);
    expect([...again].length).toBe(3);
  });

  it("survives an iteration that is never finished", async () => {
    const walk = store().range("n")[Symbol.iterator]();
    walk.next();
    await store().batch((b) => b.put("late", [1], bytes("x")));
    expect(text(store().get("late", [1]))).toBe("x");
  });
}

function batches(store: () => Store): void {
  it("counts generations, and an empty batch is none", async () => {
    expect(store().generation()).toBe(0);
    expect(await store().batch((b) => b.put("n", [1], bytes("x")))).toBe(1);
    expect(await store().batch(() => {})).toBe(1);
    expect(await store().batch((b) => b.delete("n", [1]))).toBe(2);
    expect(store().generation()).toBe(2);
  });

  it("applies writes in order within a batch", async () => {
    await store().batch((b) => {
      b.put("n", ["a", 1], bytes("1"));
      b.put("n", ["a", 2], bytes("2"));
      b.put("n", ["b"], bytes("b"));
      b.deletePrefix("n", ["a"]);
      b.put("n", ["a", 3], bytes("3"));
      b.put("n", ["b"], bytes("b2"));
    });
    expect(keysOf(store(), "n")).toEqual([["a", 3], ["b"]]);
    expect(text(store().get("n", ["b"]))).toBe("b2");
  });

  it("deletes a prefix, and all of one namespace only", async () => {
    await store().batch((b) => {
      for (let i = 0; i < 100; i++) b.put("n", ["p", i], bytes("x"));
      b.put("n", ["p"], bytes("x"));
      b.put("n", ["pp", 1], bytes("x"));
      b.put("o", ["p", 1], bytes("x"));
    });
    await store().batch((b) => b.deletePrefix("n", ["p"]));
    expect(keysOf(store(), "n")).toEqual([["pp", 1]]);
    await store().batch((b) => b.deletePrefix("n", []));
    expect(keysOf(store(), "n")).toEqual([]);
    expect(keysOf(store(), "o")).toEqual([["p", 1]]);
  });

  it("writes nothing when the callback throws", async () => {
    const boom = new Error("boom");
    await expect(
      store().batch((b) => {
        b.put("n", [1], bytes("x"));
        throw boom;
      }),
    ).rejects.toBe(boom);
    expect(store().get("n", [1])).toBeUndefined();
    expect(store().generation()).toBe(0);
  });

  it("commits concurrent batches in the order of their calls", async () => {
    const done = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store().batch((b) => b.put("n", ["k"], bytes(`${i}`)))),
    );
    expect(done).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(text(store().get("n", ["k"]))).toBe("19");
  });

  it("compacts without changing what is read", async () => {
    await store().batch((b) => {
      for (let i = 0; i < 200; i++) b.put("n", [i], new Uint8Array(5000).fill(i));
    });
    await store().batch((b) => {
      for (let i = 0; i < 200; i++) if (i % 10) b.delete("n", [i]);
    });
    const { bytesBefore, bytesAfter } = await store().compact();
    expect(bytesAfter).toBeLessThanOrEqual(bytesBefore);
    expect(keysOf(store(), "n").map((k) => k[0])).toEqual(Array.from({ length: 20 }, (_, i) => i * 10));
    expect(await store().batch((b) => b.put("n", ["after"], bytes("x")))).toBe(3);
    expect(store().stats().bytes).toBeGreaterThan(100_000);
  });
}

function refusals(store: () => Store): void {
  it("refuses bad keys, namespaces and values without writing", async () => {
    const put = (key: unknown, namespace = "n", value: unknown = bytes("x")) =>
      codeOf(() => store().batch((b) => b.put(namespace, key as Key, value as Uint8Array)));
    expect(await put([Number.NaN])).toBe("NOT_FINITE");
    expect(await put([Number.POSITIVE_INFINITY])).toBe("NOT_FINITE");
    expect(await put(["\ud800"])).toBe("ARGUMENT");
    expect(await put([{}])).toBe("ARGUMENT");
    expect(await put(["x".repeat(5000)])).toBe("RANGE");
    expect(await put(["é".repeat(5000)])).toBe("RANGE");
    expect(await put(new Array(500).fill(1))).toBe("RANGE");
    expect(await put([1], "")).toBe("ARGUMENT");
    expect(await put([1], "n", "text")).toBe("ARGUMENT");
    expect(await codeOf(() => store().get("", [1]))).toBe("ARGUMENT");
    expect(await codeOf(() => [...store().range("")])).toBe("ARGUMENT");
    expect(await codeOf(() => store().firstKey(""))).toBe("ARGUMENT");
    expect(await codeOf(() => store().batch((async () => {}) as never))).toBe("ARGUMENT");
    expect(store().generation()).toBe(0);
  });

  it("refuses a batch object kept beyond its callback", async () => {
    let leaked: Parameters<Parameters<Store["batch"]>[0]>[0] | undefined;
    await store().batch((b) => {
      leaked = b;
    });
    expect(await codeOf(() => leaked!.put("n", [1], bytes("x")))).toBe("STATE");
  });

  it("says DISPOSED after close, which may be called twice", async () => {
    await store().batch((b) => b.put("n", [1], bytes("x")));
    const walk = store().range("n")[Symbol.iterator]();
    walk.next();
    await store().close();
    await store().close();
    expect(await codeOf(() => store().get("n", [1]))).toBe("DISPOSED");
    expect(await codeOf(() => store().getMany("n", [[1]]))).toBe("DISPOSED");
    expect(await codeOf(() => [...store().range("n")])).toBe("DISPOSED");
    expect(await codeOf(() => store().firstKey("n"))).toBe("DISPOSED");
    expect(await codeOf(() => store().batch(() => {}))).toBe("DISPOSED");
    expect(await codeOf(() => store().generation())).toBe("DISPOSED");
    expect(await codeOf(() => store().stats())).toBe("DISPOSED");
    expect(await codeOf(() => store().compact())).toBe("DISPOSED");
    expect(await codeOf(() => walk.next())).toBe("DISPOSED");
  });
}

type Step =
  | { readonly kind: "put"; readonly key: Key; readonly value: number }
  | { readonly kind: "delete" | "prefix"; readonly key: Key };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("put" as const), key: anyKey, value: fc.nat(255) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), key: anyKey }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("prefix" as const), key: anyKey }) },
);

const sameStart = (key: Key, prefix: Key): boolean =>
  prefix.length <= key.length && prefix.every((part, i) => compareParts(part, key[i]!) === 0);

function properties(store: () => Store, runs: number): void {
  it("agrees with a plain sorted list on random batches and ranges", async () => {
    const options = fc.record(
      { start: anyKey, end: anyKey, prefix: anyKey, reverse: fc.boolean(), limit: fc.nat(20) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 4 }),
        options,
        checkAgainstList,
      ),
      { numRuns: runs, seed: 7 },
    );
  });

  async function checkAgainstList(all: Step[][], options: RangeOptions): Promise<void> {
    await store().batch((b) => b.deletePrefix("n", []));
    let list: { key: Key; value: number }[] = [];
    for (const steps of all) {
      await store().batch((b) => {
        for (const s of steps) {
          if (s.kind === "put") b.put("n", s.key, Uint8Array.of(s.value));
          else if (s.kind === "delete") b.delete("n", s.key);
          else b.deletePrefix("n", s.key);
        }
      });
      for (const s of steps) {
        list = list.filter((e) =>
          s.kind === "prefix" ? !sameStart(e.key, s.key) : compareKeys(e.key, s.key) !== 0,
        );
        if (s.kind === "put") list.push({ key: s.key, value: s.value });
      }
    }
    list.sort((a, b) => compareKeys(a.key, b.key));
    let wanted = list.filter(
      (e) =>
        (!options.prefix || sameStart(e.key, options.prefix)) &&
        (!options.start || compareKeys(e.key, options.start) >= 0) &&
        (!options.end || compareKeys(e.key, options.end) < 0),
    );
    if (options.reverse) wanted.reverse();
    wanted = wanted.slice(0, options.limit ?? wanted.length);
    const found = [...store().range("n", options)].map((e) => ({ key: e.key, value: e.value[0] }));
    expect(found).toEqual(wanted.map((e) => ({ key: e.key.map((p) => (p === 0 ? 0 : p)), value: e.value })));
    if (options.limit !== 0) expect(store().firstKey("n", options)).toEqual(found[0]?.key);
    for (const e of list) expect(store().get("n", e.key)?.[0]).toBe(e.value);
  }
}
