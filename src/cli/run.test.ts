/** Command lines that cannot be used: each is refused with exit status 2 and says what to write, none is silently read as another. */
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { mneme } from "../../test/support/command-line.ts";
import { libraryPath } from "./library.ts";

beforeEach(() => {
  vi.stubEnv("MNEME_LIBRARY", "/nowhere/at.all");
});
afterAll(() => {
  vi.unstubAllEnvs();
});

test.each([
  [["serach", "tea"], 'no command "serach" (did you mean search?)'],
  [["help", "serach"], "did you mean search?"],
  [["search"], "search: QUERY is missing"],
  [["search", "tea", "--wehre", "a = b"], "unknown option --wehre (did you mean --where?)"],
  [["search", "tea", "-x"], "unknown option -x"],
  [["search", "tea", "--library"], "--library needs a value: --library PATH"],
  [["search", "tea", "--library", "--json"], "--library needs a value"],
  [["search", "tea", "--library="], "needs a value"],
  [["search", "tea", "-qk"], "-qk needs a value"],
  [["bench", "kernels", "--scale", "0"], "--scale must be a number above 0"],
  [["bench", "kernels", "--settings", "{"], "--settings must be JSON"],
  [["forget", "--undo"], "--undo needs a value: --undo TOKEN"],
  [["search", "tea", "--retriever", "vectors"], '"vectors" is none of hybrid, words, meaning, generative'],
  [["search", "tea", "--vectors=tree"], '"tree" is none of auto, flat, graph, disk-graph, lists'],
  [["search", "tea", "--min-score", "high"], '--min-score: "high" is no number'],
  [["search", "tea", "--recall", "most"], '--recall: "most" is no number'],
  [["stats", "notes.mneme"], "takes no words but options; a library is named with --library"],
  [["snapshot", "a.snapshot", "b.snapshot"], "takes 1 at most"],
  [["restore", "a.snapshot"], "LIBRARY is missing"],
  [["reembed", "--dim", "256"], "--to is missing"],
  [["serve", "--port", "99999"], "--port: 99999 is no port; they go up to 65535"],
  [["eval", "--corpus", "c.jsonl"], "--queries is missing"],
  [["index", ".", "--meta", "[1]"], "--meta"],
  [["tag", "--file", "/nowhere/text.md"], "/nowhere/text.md"],
])("mneme %j", async (argv, message) => {
  const { code, out, err } = await mneme(...argv);
  expect(err).toContain(message);
  expect(err).not.toContain("\u001b");
  expect(err.trim().split("\n")).toHaveLength(1);
  expect(out === "").toBe(!argv.includes("--json"));
  expect(code).toBe(argv.includes("--file") ? 3 : 2);
});

test("short flags stand together, with a value behind them, and -- ends the flags", async () => {
  for (const argv of [["-qk3"], ["-q", "-k", "3"], ["--no-feedback", "--", "--wehre"]]) {
    const { code, err } = await mneme("search", "tea", ...argv);
    expect(err).toContain("no library at /nowhere/at.all");
    expect(code).toBe(3);
  }
});

test("an empty $MNEME_LIBRARY is none", () => {
  vi.stubEnv("MNEME_LIBRARY", "");
  expect(libraryPath({})).toBe("library.mneme");
  expect(libraryPath({ library: "other.mneme" })).toBe("other.mneme");
});
