import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kernels, openPool } from "../../kernels/index.ts";
import { Random } from "../../linalg/index.ts";
import { RowSet } from "../row-set.ts";
import { contiguousRows, memorySegment, type RowIds, rowAt, rowIdsOf } from "../segment.ts";
import { bm25Defaults } from "./bm25.ts";
import { termsOf } from "./normalize.ts";
import { segmentWords } from "./segment-words.ts";
import { WordsIndex } from "./words-index.ts";
import { wordsKind } from "./words-kind.ts";
import { WordsWriter } from "./words-writer.ts";

/** BM25 the slow way: every row, every term, plain maps. */
function slowBm25(rows: ReadonlyMap<number, string>, query: string): Map<number, number> {
  const { k1, b } = bm25Defaults;
  const bags = new Map([...rows].map(([row, text]) => [row, terms(text)]));
  const average = [...bags.values()].reduce((sum, bag) => sum + bag.length, 0) / bags.size;
  const scores = new Map<number, number>();
  for (const term of terms(query)) {
    const frequency = [...bags.values()].filter((bag) => bag.includes(term)).length;
    const idf = Math.log(1 + (bags.size - frequency + 0.5) / (frequency + 0.5));
    for (const [row, bag] of bags) {
      const tf = bag.filter((one) => one === term).length;
      if (tf > 0)
        scores.set(
          row,
          (scores.get(row) ?? 0) + (idf * tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * bag.length) / average)),
        );
    }
  }
  return scores;
}

function terms(text: string): string[] {
  const found: string[] = [];
  segmentWords(text, (start, end, unspaced, plain) =>
    found.push(...termsOf(text.slice(start, end), unspaced, plain)),
  );
  return found;
}

async function indexOf(
  groups: readonly string[][],
  tail: readonly string[] = [],
): Promise<{ index: WordsIndex; rows: Map<number, string> }> {
  const index = new WordsIndex({ typos: false });
  const rows = new Map<number, string>();
  let next = 0;
  for (const [id, group] of groups.entries()) {
    const ids = contiguousRows(next, group.length);
    await index.attach(memorySegment(id, ids, wordsKind.build(group)));
    group.forEach((text, i) => rows.set(next + i, text));
    next += group.length;
  }
  tail.forEach((text, i) => {
    index.append(next + i, text);
    rows.set(next + i, text);
  });
  return { index, rows };
}

const word = fc.constantFrom(
  "apple",
  "banana",
  "cherry",
  "date",
  "elder",
  "fig",
  "grape",
  "x9",
  "Running",
  "runs",
);
const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(" "));

describe("WordsIndex", () => {
  test("scores equal BM25 computed the slow way, over segments and tail, filtered or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(text, { maxLength: 40 }), { maxLength: 3 }),
        fc.array(text, { maxLength: 8 }),
        text,
        fc.boolean(),
        async (groups, tail, query, filtered) => {
          const { index, rows } = await indexOf(groups, tail);
          const expected = slowBm25(rows, query);
          const filter = filtered ? RowSet.from([...rows.keys()].filter((row) => row % 3 !== 0)) : undefined;
          const hits = await index.search(query, { k: 1000, ...(filter ? { filter } : {}) });
          const wanted = [...expected]
            .filter(([row]) => !filter || filter.has(row))
            .sort(([a, x], [b, y]) => Math.fround(y) - Math.fround(x) || a - b);
          expect(hits.rows.length).toBe(wanted.length);
          hits.rows.forEach((row, i) => expect(hits.scores[i]).toBeCloseTo(expected.get(row)!, 4));
          const all = Uint32Array.from(rows.keys());
          const scored = await index.scoreQuery(query, all);
          all.forEach((row, i) => expect(scored[i]).toBeCloseTo(expected.get(row) ?? 0, 4));
        },
      ),
      { seed: 4, numRuns: 60 },
    );
  });

  test("what a query requires and excludes is heeded, on thousands of rows", async () => {
    const vocabulary = fc.integer({ min: 0, max: 40 }).map((i) => `w${i}`);
    const query = fc.record({
      must: fc.uniqueArray(vocabulary, { minLength: 1, maxLength: 4 }),
      not: fc.array(vocabulary, { maxLength: 2 }),
      filtered: fc.constantFrom(0, 2, 500),
    });
    const corpus = Array.from({ length: 3000 }, (_, row) =>
      Array.from(
        { length: 1 + (row % 23) },
        (_, i) => `w${((row * 7 + i * i * 3) % (1 + (row % 41))) | 0}`,
      ).join(" "),
    );
    const { index, rows } = await indexOf(
      [corpus.slice(0, 2500), corpus.slice(2500, 2990)],
      corpus.slice(2990),
    );
    await fc.assert(
      fc.asyncProperty(query, async ({ must, not, filtered }) => {
        const holds = (row: number, word: string): boolean => rows.get(row)!.split(" ").includes(word);
        const inFilter = (row: number): boolean => filtered === 0 || row % filtered === 0;
        const expected = [...rows.keys()].filter(
          (row) =>
            inFilter(row) && must.every((word) => holds(row, word)) && !not.some((word) => holds(row, word)),
        );
        const text = [...must.map((word) => `+${word}`), ...not.map((word) => `-${word}`)].join(" ");
        const filter = filtered === 0 ? {} : { filter: RowSet.from([...rows.keys()].filter(inFilter)) };
        const hits = await index.search(text, { k: 3000, ...filter });
        expect([...hits.rows].sort((a, b) => a - b)).toEqual(expected);
        const scores = await index.scoreQuery(text, hits.rows.slice().sort());
        const byRow = new Map(Array.from(hits.rows.slice().sort(), (row, i) => [row, scores[i]!]));
        hits.rows.forEach((row, i) => expect(hits.scores[i]).toBeCloseTo(byRow.get(row)!, 4));
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  test("pruning returns what exhaustive scoring returns, on thousands of rows", async () => {
    let state = 7;
    const random = (n: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state % n;
    };
    const vocabulary = Array.from({ length: 300 }, (_, i) => `w${i}`);
    const group = Array.from({ length: 7000 }, () =>
      Array.from(
        { length: 1 + random(30) },
        () => vocabulary[Math.min(random(300), random(300), random(300))]!,
      ).join(" "),
    );
    const { index, rows } = await indexOf([group.slice(0, 5000), group.slice(5000)]);
    for (const query of ["w0 w1 w2", "w0 w250 w100 w3", "w290", "w1 w1 w7 w299 w60", "w0"]) {
      const expected = [...slowBm25(rows, query)]
        .sort(([a, x], [b, y]) => Math.fround(y) - Math.fround(x) || a - b)
        .slice(0, 10);
      const hits = await index.search(query, { k: 10 });
      expected.forEach(([, score], i) => expect(hits.scores[i]).toBeCloseTo(score, 4));
      expect(new Set(hits.rows).size).toBe(expected.length);
    }
  });

  test("merging drops dead rows and keeps scores", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(text, { maxLength: 200 }), { minLength: 1, maxLength: 3 }),
        text,
        fc.nat(5),
        async (groups, query, dead) => {
          let next = 0;
          const inputs = groups.map((group) => {
            const rows: RowIds = contiguousRows(next, group.length);
            next += group.length;
            return { rows, parts: wordsKind.build(group) };
          });
          const texts = groups.flat();
          const live = RowSet.from([...texts.keys()].filter((row) => row % 6 !== dead));
          const index = new WordsIndex({ typos: false });
          const rows = rowIdsOf([...live]);
          await index.attach(memorySegment(1, rows, wordsKind.merge(inputs, live)));
          const kept = new Map(
            Array.from({ length: rows.count }, (_, i) => [rowAt(rows, i), texts[rowAt(rows, i)]!]),
          );
          const expected = slowBm25(kept, query);
          const hits = await index.search(query, { k: 1000 });
          expect([...hits.rows].sort()).toEqual([...expected.keys()].sort());
          hits.rows.forEach((row, i) => expect(hits.scores[i]).toBeCloseTo(expected.get(row)!, 4));
        },
      ),
      { seed: 5, numRuns: 40 },
    );
  });

  test.each([
    ["Latin", "Die Größe der Bücherei überrascht jeden Besucher", "grosse bucherei"],
    ["Cyrillic", "Хранилище помнит каждый документ навсегда", "помнит документ"],
    ["Arabic", "تحفظ المكتبة كل الوثائق في الذاكرة", "الوثائق المكتبة"],
    ["Devanagari", "पुस्तकालय हर दस्तावेज़ को याद रखता है", "दस्तावेज़ याद"],
    ["Chinese", "图书馆会记住每一份文件的内容", "记住文件"],
    ["Japanese", "図書館はすべての文書を覚えています", "文書を覚え"],
    ["Thai", "ห้องสมุดจดจำเอกสารทุกฉบับ", "เอกสาร"],
    ["Korean", "도서관은 모든 문서를 영원히 기억합니다", "도서관에서 문서가"],
    ["Korean, decomposed", "도서관은 모든 문서를".normalize("NFD"), "문서에 도서관의"],
    ["Japanese, decomposed", "ガラスのドアが開いた".normalize("NFD"), "ドアが"],
  ])("a planted sentence is found in %s", async (_, sentence, query) => {
    const noise = [
      "the cat sat on the mat",
      "今日は天気がいいですね",
      "Сегодня хорошая погода",
      "今天天气很好",
      "الطقس جميل اليوم",
      "आज मौसम अच्छा है",
      "오늘은 날씨가 좋습니다",
      "วันนี้อากาศดี",
    ];
    const { index } = await indexOf([[...noise, sentence]], noise);
    const hits = await index.search(query, { k: 3 });
    expect(hits.rows[0]).toBe(noise.length);
    expect(index.highlight(sentence, query).length).toBeGreaterThan(0);
  });

  test("a Korean noun is found with whatever particle it stands, also of one syllable; an exact form still wins", async () => {
    const particles = ["", ..."은는이가을를에의와과도로만", "에서", "으로", "까지", "부터", "에게", "처럼"];
    const nouns = ["도서관", "학교", "국가", "책", "물", "컴퓨터"];
    for (const noun of nouns) {
      const others = nouns.filter((other) => other !== noun).map((other) => `${other}을 보았다`);
      const texts = [...others, ...particles.map((particle) => `어제 ${noun}${particle} 갔다`)];
      const { index } = await indexOf([texts]);
      const wanted = particles.map((_, i) => others.length + i);
      for (const particle of particles) {
        const { rows } = await index.search(`${noun}${particle}`, { k: 100 });
        expect(
          [...rows].sort((a, b) => a - b),
          noun + particle,
        ).toEqual(expect.arrayContaining(wanted));
      }
      expect((await index.search(`"${noun}부터 갔다"`, { k: 3 })).rows[0]).toBe(
        others.length + particles.indexOf("부터"),
      );
    }
  });

  test("words of Hangul that the first analyser indexed whole are found as they are written", async () => {
    const old = new WordsWriter(Uint16Array.of(2, 1));
    for (const [term, row] of [
      ["날씨가", 1],
      ["도서관은", 0],
      ["오늘은", 0],
    ] as const) {
      old.push(row, 1);
      old.endTerm(new TextEncoder().encode(term));
    }
    const index = new WordsIndex({ typos: false });
    await index.attach(memorySegment(1, contiguousRows(0, 2), old.finish()));
    await index.attach(memorySegment(2, contiguousRows(2, 1), wordsKind.build(["도서관에서 보았다"])));
    const rows = async (query: string): Promise<number[]> =>
      [...(await index.search(query, { k: 9 })).rows].sort();
    expect(await rows("도서관은")).toEqual([0, 2]);
    expect(await rows("날씨가")).toEqual([1]);
    expect(await rows("+도서관에서")).toEqual([2]);
  });

  test("Latin words with Korean particles are the same words", async () => {
    const { index } = await indexOf([["GPU를 두 개 샀다", "날씨가 좋다", "the GPU"]]);
    expect([...(await index.search("GPU", { k: 9 })).rows].sort()).toEqual([0, 2]);
    expect([...(await index.search("GPU는", { k: 9 })).rows].sort()).toEqual([0, 2]);
  });

  test.each([
    ["soft hyphens", "infor\u00admation re\u00adtrieval", "information retrieval"],
    ["word joiners", "infor\u2060mation", "information"],
    ["joiners that are not seen", "क्\u200dष", "क्ष"],
    ["variation selectors", "a\ufe00b \u{e0100}c", "ab c"],
  ])("%s are no part of words, in texts and in queries", async (_, written, plain) => {
    expect(terms(written)).toEqual(terms(plain));
    const { index } = await indexOf([["weather today", written]], [plain]);
    for (const query of [written, plain, `"${written}"`])
      expect([...(await index.search(query, { k: 9 })).rows].sort()).toEqual([1, 2]);
    expect(index.highlight(written, plain)[0]).toEqual([0, written.split(" ")[0]!.length]);
  });

  test("an emoji's variation selector is no term", () => {
    expect(terms("I \u2764\ufe0f tea \ufe0f \u00ad x\u00ad")).toEqual(terms("I tea x"));
  });

  test("operators: must, not, prefix, fuzzy, phrase", async () => {
    const texts = ["red apple pie", "green apple tart", "apple red", "pineapple juice", "applesauce"];
    const index = new WordsIndex({ textOf: (row) => texts[row]! });
    await index.attach(memorySegment(1, contiguousRows(0, texts.length), wordsKind.build(texts)));
    const rows = async (query: string): Promise<number[]> =>
      [...(await index.search(query, { k: 10 })).rows].sort();
    expect(await rows("+red apple")).toEqual([0, 2]);
    expect(await rows("apple -red")).toEqual([1]);
    expect(await rows("pineap*")).toEqual([3]);
    expect(await rows('"red apple"')).toEqual([0]);
    expect(await rows("pineaple")).toEqual([3]);
    expect(await rows("gren~")).toEqual([1]);
    expect(await rows("   ")).toEqual([]);
  });

  test("words with digits mean what they say, unless others near them are asked for", async () => {
    const texts = ["release 2024-10", "opens stat64 by name", "version v12345"];
    const index = new WordsIndex({ textOf: (row) => texts[row]! });
    await index.attach(memorySegment(1, contiguousRows(0, texts.length), wordsKind.build(texts)));
    const rows = async (query: string): Promise<number[]> => [...(await index.search(query, { k: 10 })).rows];
    expect(await rows("stat64")).toEqual([1]);
    expect(await rows("stat65")).toEqual([]);
    expect(await rows("stat65~")).toEqual([1]);
    expect(await rows("v12346")).toEqual([]);
    expect(await rows("relaese")).toEqual([0]);
  });

  test("rows that come while phrases are verified bring no row without them", async () => {
    const texts = Array.from({ length: 800 }, (_, i) =>
      i < 10 ? "red apple pie" : i < 770 ? "apple red pie" : "red apple pie and more of it",
    );
    const textAt = (row: number): string => texts[row] ?? "apple red";
    let next = texts.length;
    const index: WordsIndex = new WordsIndex({
      textOf: (row) => {
        if (next < 900) index.append(next++, "apple red");
        return textAt(row);
      },
    });
    for (const [row, text] of texts.entries()) index.append(row, text);
    const { rows } = await index.search('"red apple"', { k: 20 });
    expect(rows.length).toBe(20);
    expect(new Set(rows).size).toBe(20);
    for (const row of rows) expect(textAt(row)).toContain("red apple");
  });

  test("cursor and minScore", async () => {
    const texts = Array.from({ length: 50 }, (_, i) => `common ${"pad ".repeat(i % 7)}`);
    const { index } = await indexOf([texts.slice(0, 30)], texts.slice(30));
    const all = await index.search("common", { k: 50 });
    const seen: number[] = [];
    for (let after: { score: number; row: number } | undefined; ; ) {
      const page = await index.search("common", { k: 7, ...(after ? { after } : {}) });
      seen.push(...page.rows);
      if (page.rows.length < 7) break;
      after = { score: page.scores[6]!, row: page.rows[6]! };
    }
    expect(seen).toEqual([...all.rows]);
    const limit = all.scores[20]!;
    expect(
      (await index.search("common", { k: 50, minScore: limit })).scores.every((score) => score >= limit),
    ).toBe(true);
  });
});

test("searches that threads rank side by side find what each finds alone", async () => {
  await using pool = await openPool(kernels(), { workers: 1 });
  const vocabulary = Array.from({ length: 40 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))}${i}`);
  const random = new Random(7);
  const text = (): string =>
    Array.from({ length: 12 }, () => vocabulary[random.integer(vocabulary.length)]!).join(" ");
  const groups = [0, 1, 2].map(() => Array.from({ length: 5000 }, text));
  using threaded = new WordsIndex({ typos: false, threads: () => pool });
  using plain = new WordsIndex({ typos: false });
  for (const [id, group] of groups.entries())
    for (const index of [threaded, plain])
      await index.attach(memorySegment(id, contiguousRows(5000 * id, 5000), wordsKind.build(group)));
  for (let round = 0; round < 20; round++) {
    const queries = [text(), text()];
    const expected = [];
    for (const query of queries) expected.push(await plain.search(query, { k: 30 }));
    using first = await threaded.begin(queries[0]!, { k: 30 });
    // one that is given up: it must not be in the way
    if (round % 3 === 0) (await threaded.begin(text(), { k: 5 }))[Symbol.dispose]();
    using second = await threaded.begin(queries[1]!, { k: 30 });
    const isReversed = round % 2 === 1;
    const found = [];
    for (const search of isReversed ? [second, first] : [first, second]) found.push(await search.finish());
    expect(isReversed ? found.reverse() : found).toEqual(expected);
  }
});
