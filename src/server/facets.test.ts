/** Facets of the cube and tags over HTTP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Memory, open } from "../memory/index.ts";
import { createServer, type MnemeServer } from "./index.ts";

let memory: Memory;
let server: MnemeServer;

beforeAll(async () => {
  memory = await open(":memory:", { workers: 0, cube: { dimensions: ["location", "date"] } });
  server = createServer(memory, { onError: () => {} });
  await memory.add([
    { id: "ian", text: "Ian flooded Florida in 2022.", meta: { tags: ["storm", "flood"] } },
    { id: "irma", text: "Irma crossed Florida in 2017.", meta: { tags: ["storm"] } },
    { id: "snow", text: "Snow fell on Iceland in 2017.", meta: { tags: ["snow"] } },
  ]);
});

afterAll(async () => {
  await server.close();
  await memory.close();
});

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field
async function post(path: string, body: unknown): Promise<any> {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  return (await server.app.request(path, init)).json();
}

test("facets count, narrow and name what they cannot", async () => {
  expect(await post("/v1/facets", {})).toEqual({
    facets: [
      {
        dimension: "location",
        values: [
          { value: "Florida", count: 2 },
          { value: "Iceland", count: 1 },
        ],
      },
      {
        dimension: "date",
        values: [
          { value: "2017", count: 2 },
          { value: "2022", count: 1 },
        ],
      },
    ],
  });
  const narrowed = await post("/v1/facets", { facets: { location: "Florida" }, dimensions: ["date"] });
  expect(narrowed.facets[0].values).toEqual([
    { value: "2017", count: 1 },
    { value: "2022", count: 1 },
  ]);
  expect((await post("/v1/facets", { dimensions: ["colour"] })).error.message).toMatch(
    /no dimension "colour"/,
  );
});

test("search is narrowed by labels and says by which it found", async () => {
  const { hits } = await post("/v1/search", { query: "Florida", facets: { date: ["2017"] } });
  expect(hits.map(({ id }: { id: string }) => id)).toEqual(["irma", "snow"]);
  const reason = hits[0].reasons.find(({ by }: { by: string }) => by === "cube");
  expect(reason.labels[0]).toMatchObject({ dimension: "location", label: "Florida", how: "exact" });
  const plain = await post("/v1/search", { query: "Florida", cube: false });
  expect(JSON.stringify(plain.hits)).not.toContain('"cube"');
});

test("tags are suggested", async () => {
  const { tags } = await post("/v1/tags", { text: "A storm over Florida", k: 2 });
  expect(tags[0]).toMatchObject({ tag: "storm", count: 2, by: "neighbours" });
  expect((await post("/v1/tags", { text: "" })).error.code).toBe("ARGUMENT");
});
