/** Verdicts, their sum, their picture, and what is said of a file that is no benchmark. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { contaminationSvg, readBenchmark, summarize, verdictOf } from "./contamination.ts";

const folder = mkdtempSync(join(tmpdir(), "mneme-contamination-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string): string => {
  const path = join(folder, "benchmark.jsonl");
  writeFileSync(path, text);
  return path;
};

describe("a verdict", () => {
  test.each([
    [10, 10, "dirty"],
    [10, 8, "dirty"],
    [100, 79, "suspicious"],
    [10, 2, "suspicious"],
    [100, 19, "clean"],
    [10, 0, "clean"],
    [0, 0, "short"],
  ] as const)("of %i windows, %i of them found: %s", (windows, found, verdict) => {
    expect(verdictOf({ windows, found })).toBe(verdict);
  });

  test("counts, and shares are of those that can be judged", () => {
    const all = [
      { windows: 10, found: 9 },
      { windows: 10, found: 5 },
      { windows: 10, found: 0 },
      { windows: 5, found: 0 },
      { windows: 0, found: 0 },
    ];
    const counts = { dirty: 1, suspicious: 1, clean: 2, short: 1 };
    expect(summarize(all)).toEqual({ examples: 5, ...counts, dirtyShare: 0.25, suspiciousShare: 0.25 });
    expect(summarize([])).toMatchObject({ examples: 0, dirtyShare: 0 });
  });
});

test("the picture has a bar for each share that occurs, in the colour of its verdict", () => {
  const svg = contaminationSvg("a < b", [
    { windows: 20, found: 0 },
    { windows: 20, found: 0 },
    { windows: 20, found: 4 },
    { windows: 20, found: 16 },
    { windows: 20, found: 20 },
    { windows: 0, found: 0 },
  ]);
  const bars = [
    ...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)" fill="(#\w+)"/g),
  ];
  expect(bars).toHaveLength(4);
  const [clean, suspicious, dirty, worst] = bars.map(([, x, height, colour]) => ({
    x: Number(x),
    height: Number(height),
    colour,
  }));
  expect(clean!.height).toBeCloseTo(2 * suspicious!.height, 0);
  expect(new Set([clean!.colour, suspicious!.colour, dirty!.colour]).size).toBe(3);
  expect(worst!.colour).toBe(dirty!.colour);
  expect(clean!.x).toBeLessThan(suspicious!.x);
  expect(svg).toContain("a &lt; b");
  expect(svg).toContain("dirty: 2");
  expect(svg).toContain("examples, of 5");
  expect(contaminationSvg("nothing", [])).not.toMatch(/NaN|Infinity/);
});

describe("a benchmark", () => {
  test("is a JSON object a line", async () => {
    const path = file('\ufeff{"id":"a","question":"one"}\r\n\n{"_id":7,"question":"two"}\n{"question":""}');
    expect(await readBenchmark(path, "question")).toEqual([
      { line: 1, id: "a", text: "one" },
      { line: 3, id: "7", text: "two" },
      { line: 4, text: "" },
    ]);
  });

  test.each([
    ['{"question":"a"}\n{"question":', /line 2: not JSON/],
    ['{"question":"a"}\n\n[1]', /line 3: an object is needed/],
    ["null", /line 1: an object is needed/],
    ['{"query":"a","n":1}', /line 1: no text in the field "question"; name one of query with --field/],
    ['{"question":1}', /name one of none/],
    [" \n", /holds no example/],
  ])("is not %j", async (text, message) => {
    await expect(readBenchmark(file(text), "question")).rejects.toMatchObject({
      code: "FORMAT",
      message: expect.stringMatching(message),
    });
  });

  test("is there", async () => {
    await expect(readBenchmark(join(folder, "none"), "question")).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});
