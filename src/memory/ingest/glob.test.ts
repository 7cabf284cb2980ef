import fc from "fast-check";
import { expect, test } from "vitest";
import { globMatcher } from "./glob.ts";

const matches = (pattern: string, path: string): boolean => globMatcher([pattern])(path);

test.each([
  ["**/*.md", "a.md", true],
  ["**/*.md", "a/b/c.md", true],
  ["*.md", "a/b.md", true],
  ["docs/*.md", "docs/a/b.md", false],
  ["docs/", "docs/a/b.md", true],
  ["docs/", "x/docs/b.md", true],
  ["./a/b.md", "a/b.md", true],
  ["/a/b.md", "x/a/b.md", false],
  ["**/*.{md,ts}", "x/y.ts", true],
  ["{a,b}{1,2}", "b1", true],
  ["{a,}x", "x", true],
  ["{a,{b}}", "{a,{b}}", true],
  ["a}b{c", "a}b{c", true],
  ["a,b", "a,b", true],
  ["a?c.md", "abc.md", true],
  ["a?c", "a/c", false],
  ["a.c", "abc", false],
  ["[a]+(b)$^|\\", "[a]+(b)$^|\\", true],
  ["**", "any/thing", true],
  ["", "a", false],
])("%j and %j: %j", (pattern, path, expected) => {
  expect(matches(pattern, path)).toBe(expected);
});

/** The same language as a regular expression, which backtracks. */
function slowMatches(pattern: string, path: string): boolean {
  const anchored = pattern.replace(/^\.?\//, "").replace(/\/$/, "/**");
  const inPath = anchored.includes("/") && anchored.indexOf("/**") !== anchored.indexOf("/");
  const whole = inPath ? anchored : `**/${anchored}`;
  const braces = /^[^{}]*(\{[^{}]*\}[^{}]*)*$/.test(whole);
  const source = whole.replace(/\*\*\/|\*\*|[\s\S]/g, (token, at: number) => {
    if (token === "**/") return "(?:.*/)?";
    if (token === "**") return ".*";
    if (token === "*") return "[^/]*";
    if (token === "?") return "[^/]";
    if (braces && token === "{") return "(?:";
    if (braces && token === "}") return ")";
    if (braces && token === "," && whole.lastIndexOf("{", at) > whole.lastIndexOf("}", at)) return "|";
    return token.replace(/[.+^$()|[\]\\{}]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "s").test(path);
}

test("equals its meaning as a regular expression", () => {
  const pattern = fc
    .array(fc.constantFrom("*", "**", "**/", "?", "/", "{", "}", ",", "{a,b}", "a", "b", ".", "./", "é"), {
      minLength: 1,
      maxLength: 10,
    })
    .map((pieces) => pieces.join(""));
  const path = fc.array(fc.constantFrom("a", "b", "/", ".", "é", "{", "}", ",", "\n"), { maxLength: 12 });
  let found = 0;
  fc.assert(
    fc.property(pattern, path, (glob, pieces) => {
      const text = pieces.join("");
      const expected = slowMatches(glob, text);
      if (expected) found++;
      expect(matches(glob, text)).toBe(expected);
    }),
    { seed: 8, numRuns: 20_000 },
  );
  expect(found).toBeGreaterThan(1_000);
});

test("many stars do not multiply", () => {
  const path = `${"a".repeat(2_000)}/${"a".repeat(2_000)}`;
  expect(matches(`${"*a".repeat(50)}b`, path)).toBe(false);
  expect(matches(`${"**/*a".repeat(50)}b`, path)).toBe(false);
  expect(matches(`${"{*a,**}".repeat(50)}b`, path)).toBe(false);
  expect(matches("*".repeat(20_000), "a".repeat(100))).toBe(true);
});
