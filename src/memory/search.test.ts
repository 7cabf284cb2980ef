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
    expect(await memory.facets("even", { limit: 1 })).toHaveLength(1);
    expect(await memory.facets("even", { limit: 0 })).toEqual([]);
    for (const limit of [-1, Number.NaN])
      await expect(memory.facets("even", { limit })).rejects.toMatchObject({
        code: "RANGE",
        message: `facets: limit must be 0 or more, got ${limit}`,
      });
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

  test("a page is full though the passages of one item crowd the top", async () => {
    await using memory = await open(where(), { workers: 0 });
    const part = (i: number): string => `# Part ${i}\n\n${"A quantum lantern shines. ".repeat(40)}`;
    await memory.add([
      { id: "long", text: Array.from({ length: 200 }, (_, i) => part(i)).join("\n\n") },
      ...Array.from({ length: 12 }, (_, i) => ({
        id: `short${i}`,
        text: `Far below, note ${i} of the keeper says that a quantum lantern once stood at the harbour wall. `,
      })),
    ]);
    const passages = await memory.search("quantum lantern", { k: 150, group: "passage" });
    expect(ids(passages).filter((id) => id === "long").length).toBeGreaterThan(100);
    for (const query of ["quantum lantern", '"quantum lantern"']) {
      const first = await memory.search(query, { k: 10 });
      expect(new Set(ids(first)).size).toBe(10);
      const rest = await memory.search(query, { k: 10, cursor: first.next! });
      expect([...ids(first), ...ids(rest)].sort()).toEqual(
        ["long", ...Array.from({ length: 12 }, (_, i) => `short${i}`)].sort(),
      );
      expect(rest.next).toBeUndefined();
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

  test("a phrase is found in the passages that have it, however many of one item do", async () => {
    await using memory = await open(where(), { workers: 0 });
    const paragraph = (i: number): string =>
      `${i % 3 === 0 ? "The lighthouse keeper" : "The keeper, the lighthouse"} and the lamp. `
        .repeat(20)
        .trim();
    await memory.add([
      { id: "long", text: Array.from({ length: 500 }, (_, i) => paragraph(i)).join("\n\n") },
      ...Array.from({ length: 20 }, (_, i) => ({
        id: `short${i}`,
        text: i % 2 === 0 ? `A lighthouse keeper ${i}` : `A keeper of lighthouse ${i}`,
      })),
    ]);
    const even = Array.from({ length: 10 }, (_, i) => `short${2 * i}`);
    expect(ids(await memory.search('"lighthouse keeper"', { k: 100 })).sort()).toEqual([
      "long",
      ...even.sort(),
    ]);
    const text = (await memory.get("long"))!.text;
    const query = { k: 1000, retriever: "words", group: "passage" } as const;
    const all = (await memory.search("keeper", query)).hits.filter(({ id }) => id === "long");
    const holding = all.filter(({ place }) =>
      text.slice(place.start, place.end).includes("lighthouse keeper"),
    );
    const found = (await memory.search('"lighthouse keeper"', query)).hits.filter(({ id }) => id === "long");
    const numbers = (hits: typeof all): number[] => hits.map(({ passage }) => passage).sort((a, b) => a - b);
    expect(numbers(found)).toEqual(numbers(holding));
    expect(holding.length).toBeGreaterThan(100);
    expect(holding.length).toBeLessThan(all.length);
  });
});
