/** The OpenAPI document is valid, complete and true: what it says of an answer holds for real ones. */
import { existsSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { open } from "../memory/index.ts";
import { createServer } from "./index.ts";

const validator = new URL(
  "../../tools/node_modules/@seriousme/openapi-schema-validator/index.js",
  import.meta.url,
);
const memory = await open(":memory:", { workers: 0 });
const server = createServer(memory);
afterAll(async () => {
  await server.close();
  await memory.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape
async function document(): Promise<any> {
  return (await server.app.request("/openapi.json")).json();
}

describe("OpenAPI", () => {
  test.skipIf(!existsSync(validator))("validates against the 3.1 schema", async () => {
    const { Validator } = await import(validator.href);
    const { valid, errors } = await new Validator().validate(await document());
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  test("every reference leads somewhere, and nothing of zod's own is left", async () => {
    const doc = await document();
    const text = JSON.stringify(doc);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      expect(reference).toMatch(/^#\/components\/schemas\/\w+$/);
      expect(doc.components.schemas).toHaveProperty(reference.split("/").at(-1)!);
    }
    expect(text).not.toContain("$defs");
  });

  test("lists every path, with a unique operation each", async () => {
    const { paths } = await document();
    for (const path of [
      "/v1/search",
      "/v1/ask",
      "/v1/find",
      "/v1/locate",
      "/v1/items",
      "/v1/items/{id}",
      "/v1/forget",
      "/v1/undo",
      "/v1/upload",
    ]) {
      expect(paths).toHaveProperty([path]);
    }
    // biome-ignore lint/suspicious/noExplicitAny: operations
    const operations = Object.values(paths).flatMap((path: any) => Object.values(path)) as any[];
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { responses, summary } of operations) {
      expect(summary).toBeTruthy();
      expect(Object.keys(responses)).toEqual(["200", "default"]);
    }
  });

  test("demands the token only where there is one", async () => {
    expect((await document()).security).toBeUndefined();
    const secured = createServer(memory, { token: "t" });
    const answer = await secured.app.request("/openapi.json", { headers: { authorization: "Bearer t" } });
    const doc = (await answer.json()) as {
      security: unknown;
      paths: Record<string, { get: { security?: unknown } }>;
    };
    expect(doc.security).toEqual([{ token: [] }]);
    expect(doc.paths["/v1/health"]!.get.security).toEqual([]);
    await secured.close();
  });
});
