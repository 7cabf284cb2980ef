/** Endpoints on this machine: what they answer, how they fail, how long they ask to wait. */
import { createServer, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { rowOf } from "../linalg/matrix.ts";
import { openaiEmbedder } from "./index.ts";
import { MAX_RETRY_WAIT_MS, retryAfterMs } from "./retry.ts";

interface Answer {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** An object is sent as JSON; undefined: the connection breaks in the middle. */
  readonly body: unknown;
}

/** An endpoint on 127.0.0.1 until the test ends. */
async function serve(answer: (input: string[], call: number) => Answer): Promise<{ url: string }> {
  let call = 0;
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      const { status = 200, headers = {}, body } = answer(JSON.parse(text).input, call++);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      if (body !== undefined) response.end(typeof body === "string" ? body : JSON.stringify(body));
      else response.write('{"data":', () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

describe("openaiEmbedder", () => {
  const vectors = (input: string[]): unknown => ({
    data: input.map((text, index) => ({ index, embedding: [text.length, 0, 4] })).reverse(),
  });

  test("batches, orders, normalises, retries", async () => {
    const server = await serve((input, call) =>
      call === 1 ? { status: 503, body: "busy" } : { body: vectors(input) },
    );
    const embedder = await openaiEmbedder({ baseURL: server.url, model: "m", batch: 2 });
    const rows = await embedder.embed(["abc", "", "xxxxx"]);
    expect(rowOf(rows, 0)[0]).toBeCloseTo(0.6);
    expect(rowOf(rows, 2)[0]).toBeCloseTo(5 / Math.hypot(5, 4));
    expect(embedder.space).toMatchObject({ model: "m", dim: 3 });
  });

  test("says what went wrong", async () => {
    const denied = await serve(() => ({ status: 401, body: "no key" }));
    await expect(openaiEmbedder({ baseURL: denied.url, model: "m" })).rejects.toThrow(/HTTP 401: no key/);
    const nonsense = await serve(() => ({ body: "<html>" }));
    await expect(openaiEmbedder({ baseURL: nonsense.url, model: "m" })).rejects.toThrow(
      /not of the embeddings API/,
    );
    await expect(
      openaiEmbedder({ baseURL: "http://127.0.0.1:9/v1", model: "m", retries: 0 }),
    ).rejects.toMatchObject({ code: "NETWORK" });
  });

  test("tries again when the connection breaks in the middle of an answer", async () => {
    const server = await serve((input, call) => ({ body: call === 1 ? undefined : vectors(input) }));
    const embedder = await openaiEmbedder({ baseURL: server.url, model: "m" });
    expect((await embedder.embed(["abc"])).rows).toBe(1);
  });

  test("comes again when Retry-After says so, not when its own doubling waits would", async () => {
    // ten doublings are minutes: far beyond the time of a test
    const server = await serve((input, call) =>
      call >= 1 && call <= 10
        ? {
            status: 429,
            headers: { "retry-after": call % 2 ? "0" : new Date(0).toUTCString() },
            body: "later",
          }
        : { body: vectors(input) },
    );
    const embedder = await openaiEmbedder({ baseURL: server.url, model: "m", retries: 10 });
    expect((await embedder.embed(["abc"])).rows).toBe(1);
  });

  test("a wait ends when the signal fires, and until then nobody is asked again", async () => {
    const stop = new AbortController();
    let calls = 0;
    const server = await serve((input, call) => {
      if (call === 0) return { body: vectors(input) };
      calls++;
      setTimeout(() => stop.abort(new Error("enough")), 600); // its own first wait would be over
      return { status: 503, headers: { "retry-after": "3600" }, body: "down" };
    });
    const embedder = await openaiEmbedder({ baseURL: server.url, model: "m" });
    await expect(embedder.embed(["abc"], { signal: stop.signal })).rejects.toMatchObject({
      code: "CANCELLED",
      cause: { message: "enough" },
    });
    expect(calls).toBe(1);
    await expect(embedder.embed(["abc"], { signal: stop.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(calls).toBe(1);
  });
});

test.each([
  ["7", 7_000],
  [" 7 ", 7_000],
  ["0", 0],
  ["99999999999999999999", MAX_RETRY_WAIT_MS],
  ["Thu, 01 Jan 1970 00:00:30 GMT", 20_000],
  ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
  ["Thu, 01 Jan 2099 00:00:00 GMT", MAX_RETRY_WAIT_MS],
  [null, undefined],
  ["", undefined],
  ["soon", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["Someday, maybe", undefined],
])("Retry-After: %j asks for %j ms", (header, ms) => {
  expect(retryAfterMs(header, 10_000)).toBe(ms);
});
