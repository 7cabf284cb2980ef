/** The state of the search view without a browser: pages of results, and addresses that anybody may have written. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Hit } from "../../src/memory/types.ts";

type State = typeof import("../../web/src/search/state.ts");

const hit = (id: string): Hit => ({ id, reasons: [] }) as unknown as Hit;

describe("search", () => {
  let state: State;
  let answer: object = {};

  beforeAll(async () => {
    const address = `#/search?${new URLSearchParams({ q: "tea", f: "null", c: '{"person":1,"date":["2017"]}' })}`;
    vi.stubGlobal("location", { hash: address });
    vi.stubGlobal("history", { replaceState: () => {} });
    vi.stubGlobal("sessionStorage", { getItem: () => null });
    vi.stubGlobal("fetch", async () => Response.json(answer));
    state = await import("../../web/src/search/state.ts");
  });
  afterAll(() => {
    vi.unstubAllGlobals();
  });

  test("the last page ends the list", async () => {
    state.found.value = { query: "tea", hits: [hit("a")], next: "cursor", ms: 1, notes: [] };
    answer = { hits: [hit("b")], ms: 2, notes: [] };
    await state.more();
    expect(state.found.value).toEqual({ query: "tea", hits: [hit("a"), hit("b")], ms: 1, notes: [] });
  });

  test("of an address what is no choice is left out", async () => {
    const { chosen } = await import("../../web/src/search/facets.ts");
    const { picked } = await import("../../web/src/search/cube.ts");
    const stop = state.followQuery();
    expect(chosen.value).toEqual({});
    expect(picked.value).toEqual({ date: ["2017"] });
    stop();
  });
});
