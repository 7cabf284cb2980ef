/** Learnt sparse vectors over HTTP. */
import { expect, test } from "vitest";
import { open } from "../memory/index.ts";
import { createServer } from "./index.ts";

test("items and queries bring sparse vectors; bad ones are refused", async () => {
  await using memory = await open(":memory:", { workers: 0 });
  const server = createServer(memory, { onError: () => {} });
  const post = (to: string, body: unknown) =>
    server.app.request(to, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const added = await post("/v1/items", { items: [{ id: "s", text: "one", sparse: { x: 2 } }] });
  expect(added.status).toBe(200);
  const body = { query: "one", sparse: { x: 1 }, fusion: { sparse: 1, last: 0 }, feedback: false };
  const found = (await (await post("/v1/search", body)).json()) as { hits: { reasons: unknown[] }[] };
  expect(found.hits[0]!.reasons).toContainEqual({ by: "sparse", rank: 1, score: 2 });
  expect((await post("/v1/search", { query: "one", sparse: { x: -1 } })).status).toBe(400);
  await server.close();
});
