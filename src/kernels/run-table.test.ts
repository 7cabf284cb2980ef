import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type KernelFace, kernels, PieceKind, RunTable, reference, type Split, WordKind } from "./index.ts";

const wordKind = (codePoint: number): number => {
  const char = String.fromCodePoint(codePoint);
  if (char === "'" || char === "’") return WordKind.joiner;
  if (/\p{Script=Han}/u.test(char)) return WordKind.unspaced;
  return /[\p{L}\p{N}\p{M}]/u.test(char) ? WordKind.word : 0;
};
const pieceKind = (codePoint: number): number => {
  const char = String.fromCodePoint(codePoint);
  if (/\p{L}/u.test(char)) return PieceKind.letter;
  if (/\p{N}/u.test(char)) return PieceKind.number;
  return /\s/u.test(char) ? PieceKind.space : PieceKind.other;
};

interface Read {
  readonly numbers: number[];
  readonly learned: [string, boolean][];
}

function read(table: RunTable, text: string): Read {
  const learned: Read["learned"] = [];
  table.load(text);
  const count = table.scan((start, end, kept) => learned.push([text.slice(start, end), kept]));
  return { numbers: [...table.numbers.subarray(0, count)], learned };
}

const tableOf = (face: KernelFace, split: Split): RunTable =>
  new RunTable(face, kernels().arena, split, split === "words" ? wordKind : pieceKind);

/** The runs of a text as their table spells them. */
function runsOf(table: RunTable, known: string[], text: string): string[] {
  const { numbers, learned } = read(table, text);
  const loose = learned.filter(([, kept]) => !kept).map(([run]) => run);
  known.push(...learned.filter(([, kept]) => kept).map(([run]) => run));
  return numbers.map((number) => (number < 0 ? loose[-1 - number]! : known[number]!));
}

const unit = fc.oneof(
  fc.constantFrom(..."aAbzZé'’ \t\n09,.漢字𝒜𠀀😀\ud800\udc00ſㄱ½", "'s", "'ll", "  ", "word", "12345"),
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
);
const texts = fc.array(
  fc.array(unit, { maxLength: 40 }).map((parts) => parts.join("")),
  { maxLength: 12 },
);

describe.each(["words", "pieces"] as const)("%s", (split) => {
  test("the kernel finds what its twin finds", () => {
    fc.assert(
      fc.property(texts, (all) => {
        using ours = tableOf(kernels(), split);
        using twin = tableOf(reference, split);
        for (const text of all) expect(read(ours, text)).toEqual(read(twin, text));
        expect(ours.size).toBe(twin.size);
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test("thousands of runs are told apart, through growing and clearing", () => {
    using table = tableOf(kernels(), split);
    const words = Array.from({ length: 30_000 }, (_, i) => `w${(i * 7919).toString(36)}`);
    for (let round = 0; round < 2; round++) {
      const known: string[] = [];
      for (let at = 0; at < words.length; at += 100) {
        const some = words.slice(at, at + 100);
        const found = runsOf(table, known, some.join("\n")).filter((run) => run !== "\n");
        if (split === "words") expect(found).toEqual(some);
        else expect(found.join("")).toBe(some.join(""));
      }
      const size = table.size;
      runsOf(table, known, words.slice(0, 5000).join("\n"));
      expect(table.size).toBe(size);
      table.clear();
      expect(table.size).toBe(0);
    }
    expect(table.bytes).toBeGreaterThan(30_000);
  });
});

test("pieces are those of the pattern", () => {
  const pattern = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}{1,4}| ?[^\s\p{L}\p{N}]+|\s+/gu;
  fc.assert(
    fc.property(texts, (all) => {
      using table = tableOf(kernels(), "pieces");
      const known: string[] = [];
      for (const text of all) expect(runsOf(table, known, text)).toEqual(text.match(pattern) ?? []);
    }),
    { seed: 22, numRuns: 300 },
  );
});

test("long runs and scripts without spaces are loose; a long text needs no second call", () => {
  using table = tableOf(kernels(), "words");
  expect(read(table, `${"x".repeat(64)} ${"y".repeat(65)} 漢字`)).toEqual({
    numbers: [0, -1, -2],
    learned: [
      ["x".repeat(64), true],
      ["y".repeat(65), false],
      ["漢字", false],
    ],
  });
  expect(read(table, "ab ".repeat(700_000)).numbers.length).toBe(700_000);
  expect(read(table, "ab'cd' don't").learned.map(([run]) => run)).toEqual(["ab'cd", "don't"]);
});

test("folding turns A to Z to lower case and tells other text", () => {
  using table = tableOf(kernels(), "pieces");
  for (const [text, isAscii] of [
    ["Hello, WORLD [`@{z}] Zebra", true],
    ["ÀBC é", false],
    ["", true],
  ] as const) {
    table.load(text);
    expect(table.fold()).toBe(isAscii);
    const folded = text.replace(/[A-Z]/g, (char) => char.toLowerCase());
    expect(String.fromCharCode(...table.units.subarray(0, table.length))).toBe(folded);
  }
});
