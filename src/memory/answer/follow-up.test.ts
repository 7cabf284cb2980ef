import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { followUpOf, leansBack, questionIn } from "./follow-up.ts";

const FIRST = "What is the maximum size of an upload?";

describe("a question leans back", () => {
  test.each([
    "How long does it take?",
    "And for backups?",
    "What about backups?",
    "Why?",
    "Are they sent by mail?",
    "Why is it so?",
  ])("%j", (question) => expect(leansBack(question)).toBe(true));
  test.each([
    FIRST,
    "When are invoices sent?",
    "Is there a limit that applies to uploads?",
    "Android or Italy?",
  ])("not %j", (question) => expect(leansBack(question)).toBe(false));
});

test("on the last one that stands alone, and those between", () => {
  expect(followUpOf("When are invoices sent?", [FIRST])).toBeUndefined();
  expect(followUpOf("And for backups?", [])).toBeUndefined();
  expect(followUpOf("And for backups?", ["Who founded it?", FIRST])?.text).toBe(`${FIRST} And for backups?`);
  const chain = followUpOf("How often are they written?", ["Who paid?", FIRST, "And for backups?"])!;
  expect(chain.text).toBe(`${FIRST} And for backups? How often are they written?`);
  expect(chain.own).toEqual(["written"]);
  expect([chain.shareOf("written"), chain.shareOf("upload")]).toEqual([1, 0.5]);
  expect(followUpOf("Why is it so?", [FIRST])?.own).toEqual([]);
});

test("no more than three back, whatever they say", () =>
  fc.assert(
    fc.property(fc.array(fc.constantFrom("Why is it?", "And then?", FIRST), { maxLength: 9 }), (earlier) => {
      const text = followUpOf("And it?", earlier)?.text;
      if (earlier.length === 0) expect(text).toBeUndefined();
      else {
        const back = text!.slice(0, -" And it?".length);
        expect(earlier.join(" ").endsWith(back)).toBe(true);
        expect(back.split("?").length - 1).toBeLessThanOrEqual(3);
      }
    }),
    { seed: 1, numRuns: 100 },
  ));

test("the question is the last message of a user", () => {
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "One?" },
    { role: "assistant", content: "1" },
    { role: "user", content: "Two?" },
    { role: "assistant", content: "begun" },
  ];
  expect(questionIn(messages)).toEqual({ question: "Two?", before: messages.slice(1, 3) });
  expect(questionIn([])).toEqual({ question: "", before: [] });
});
