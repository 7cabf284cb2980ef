/** search: filters, facets, pages and operators. */
import { describe, expect, test } from "vitest";
import { ids, temporaryFolder } from "../../test/support/memory.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();

describe.each(["memory", "disk"])("a library in %s", (tier) => {
  const where = (): string => (tier === "memory" ? ":memory:" : path());

  test("filters, facets, minScore and cursors", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add(
      Array.from({ length: 40 }, (_, i) => ({
        id: `n${String(i).padStart(2, "0")}`,
        text: `common word number ${i} ${"pad ".repeat(i % 5)}`,
        meta: { even: i % 2 === 0, i },
      })),
    );
    expect(
      ids(await memory.search("common", { filter: { even: true, i: { lt: 10 } }, k: 50 })).sort(),
    ).toEqual(["n00", "n02", "n04", "n06", "n08"]);
    expect(await memory.facets("even")).toEqual([
      { value: "false", count: 20 },
      { value: "true", count: 20 },
    ]);
    for (const retriever of ["words", "meaning", "hybrid"] as const) {
      const whole = await memory.search("common number", { k: 40, retriever });
      const paged: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const page = await memory.search("common number", { k: 7, retriever, ...(cursor ? { cursor } : {}) });
        paged.push(...ids(page));
        cursor = page.next;
        if (!cursor) break;
      }
      expect(paged).toEqual(ids(whole));
      const limit = whole.hits[9]!.score;
      expect(
        (await memory.search("common number", { k: 40, retriever, minScore: limit })).hits.every(
          ({ score }) => score >= limit,
        ),
      ).toBe(true);
    }
  });

  test("operators bind: must, not and phrases", async () => {
    await using memory = await open(where(), { workers: 0 });
    await memory.add([
      { id: "a", text: "red apple pie with cream" },
      { id: "b", text: "an apple that is red" },
      { id: "c", text: "green apple tart" },
    ]);
    expect(ids(await memory.search('"red apple"'))).toEqual(["a"]);
    expect(ids(await memory.search("apple -red"))).toEqual(["c"]);
    expect(ids(await memory.search("apple +cream"))).toEqual(["a"]);
  });
});
