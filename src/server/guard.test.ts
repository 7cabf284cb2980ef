/** Who is let in: tokens, hosts, origins, addresses. */
import { createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isMnemeError } from "../errors.ts";
import { type Memory, open } from "../memory/index.ts";
import { assertMayListen, isLoopback } from "./guard.ts";
import { createServer } from "./index.ts";

let memory: Memory;
beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
});
afterAll(() => memory.close());

function request(headers: Record<string, string>, path = "/v1/info", method = "GET"): Request {
  const body = method === "POST" ? JSON.stringify({ query: "x" }) : null;
  return new Request(`http://localhost${path}`, { method, headers, body });
}

const jsonType = { "content-type": "application/json" };

describe("without a token", () => {
  const server = (): ReturnType<typeof createServer> =>
    createServer(memory, { allowedOrigins: ["http://localhost:5173"] });

  test.each(["localhost", "localhost:4747", "127.0.0.1:80", "127.8.9.1", "[::1]:4747", "mneme.localhost"])(
    "host %s is this machine",
    async (host) => expect((await server().app.fetch(request({ host }))).status).toBe(200),
  );

  test("further hosts are allowed in any case", async () => {
    const further = createServer(memory, { allowedHosts: ["Library.local", "other.local:81"] });
    for (const host of ["library.local:4747", "LIBRARY.LOCAL", "Other.local:81"])
      expect((await further.app.fetch(request({ host }))).status).toBe(200);
    expect((await further.app.fetch(request({ host: "other.local:82" }))).status).toBe(403);
  });

  test.each([
    "evil.example",
    "evil.example:4747",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "10.0.0.1",
    "",
  ])("host %j is refused: DNS rebinding", async (host) => {
    for (const path of ["/v1/info", "/", "/v1/health"]) {
      expect((await server().app.fetch(request({ host }, path))).status).toBe(403);
    }
  });

  test.each([
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://localhost:9999" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])("a browser's request from another site is refused: %j", async (headers) => {
    const answer = await server().app.fetch(
      request(
        { host: "localhost:4747", ...jsonType, ...headers } as Record<string, string>,
        "/v1/search",
        "POST",
      ),
    );
    expect(answer.status).toBe(403);
  });

  test.each([
    {},
    { origin: "http://localhost:4747", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" },
    { origin: "http://localhost:5173", "sec-fetch-site": "same-site" },
  ])("programs, the console and allowed origins are served: %j", async (headers) => {
    const answer = await server().app.fetch(
      request(
        { host: "localhost:4747", ...jsonType, ...headers } as Record<string, string>,
        "/v1/search",
        "POST",
      ),
    );
    expect(answer.status).toBe(200);
  });
});

describe("allowed origins", () => {
  const origin = "http://localhost:5173";

  test("may read answers, after a preflight without the token", async () => {
    await using server = createServer(memory, { allowedOrigins: [origin], token: "s3cret" });
    const asking = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,x-stainless-os",
    };
    const preflight = await server.app.request("/v1/search", { method: "OPTIONS", headers: asking });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("authorization,x-stainless-os");
    expect(preflight.headers.get("access-control-allow-methods")).toBe("GET,HEAD,POST,DELETE");
    const answer = await server.app.fetch(request({ origin, authorization: "Bearer s3cret" }));
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test("others are told nothing", async () => {
    for (const options of [{}, { allowedOrigins: [origin] }]) {
      await using server = createServer(memory, options);
      const headers = { origin: "http://evil.example", "access-control-request-method": "POST" };
      const preflight = await server.app.request("/v1/search", { method: "OPTIONS", headers });
      expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("with a token", () => {
  const server = (): ReturnType<typeof createServer> => createServer(memory, { token: "s3cret" });

  test.each([
    ["none", {}],
    ["wrong", { authorization: "Bearer s3creT" }],
    ["longer", { authorization: "Bearer s3crets" }],
    ["empty", { authorization: "Bearer " }],
    ["basic", { authorization: "Basic s3cret" }],
  ])("%s is 401 everywhere but health and the console", async (_, headers) => {
    for (const path of ["/v1/info", "/metrics", "/mcp", "/openapi.json", "/v1/nothing"]) {
      const answer = await server().app.fetch(request(headers as Record<string, string>, path));
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
      expect(((await answer.json()) as { error: { code: string } }).error.code).toBe("FORBIDDEN");
    }
    expect((await server().app.fetch(request(headers as Record<string, string>, "/v1/health"))).status).toBe(
      200,
    );
    expect((await server().app.fetch(request(headers as Record<string, string>, "/"))).status).toBe(200);
  });

  test("the right one is let in, from any host", async () => {
    const headers = { authorization: "Bearer s3cret", host: "library.example" };
    expect((await server().app.fetch(request(headers))).status).toBe(200);
  });
});

describe("listen", () => {
  test.each(["0.0.0.0", "::", "192.168.1.4", "library.example"])("%s demands a token", async (host) => {
    await using server = createServer(memory);
    const error = await server.listen({ host, port: 0 }).catch((e: unknown) => e);
    expect(isMnemeError(error, "ARGUMENT")).toBe(true);
    expect((error as Error).message).toContain("token");
  });

  test("refuses tokens that no header can carry", () => {
    for (const token of ["", " ", "a b", "é"])
      expect(() => assertMayListen("127.0.0.1", token)).toThrow("token");
  });

  test("knows loopback addresses", () => {
    expect(["127.0.0.1", "::1", "[::1]", "LOCALHOST"].every(isLoopback)).toBe(true);
    expect(["127.0.0.1.evil", "0.0.0.0", "128.0.0.1", "localhosts"].some(isLoopback)).toBe(false);
  });

  test("a taken port is told by name", async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    await using server = createServer(memory);
    const error = await server.listen({ port }).catch((e: unknown) => e);
    expect(isMnemeError(error, "EXISTS")).toBe(true);
    expect((error as Error).message).toContain(String(port));
    other.close();
  });

  test("serves on a free port, with the token given there, and closes while a stream runs", async () => {
    const server = createServer(memory);
    const { url } = await server.listen({ port: 0, token: "t0ken" });
    expect((await fetch(`${url}/v1/info`)).status).toBe(401);
    const answer = await fetch(`${url}/v1/info`, { headers: { authorization: "Bearer t0ken" } });
    expect(answer.status).toBe(200);
    await answer.json();
    await server.close();
    await expect(fetch(`${url}/v1/health`)).rejects.toThrow();
    await server.close();
  });

  test("takes requests whose bodies tell no length: none at all, or a stream, which is counted", async () => {
    await using server = createServer(memory, { maxUploadBytes: 1000 });
    const { url } = await server.listen({ port: 0 });
    const stream = (text: string): ReadableStream => new Blob([text]).stream();
    const send = (path: string, init: object): Promise<Response> => fetch(url + path, init);
    const gone = await send("/v1/items/nothing.md", { method: "DELETE" });
    expect(gone.status).toBe(404);
    expect((await send("/v1/search", { method: "PUT" })).status).toBe(405);
    const body = stream('{"query":"x"}');
    const found = await send("/v1/search", { method: "POST", headers: jsonType, body, duplex: "half" });
    expect(found.status).toBe(200);
    const large = { method: "POST", body: stream("x".repeat(2000)), duplex: "half" };
    expect((await send("/v1/upload", large)).status).toBe(413);
  });

  test("a client that goes away cancels its work", async () => {
    let cancelled = (): void => {};
    const seen = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const search = (_: string, { signal }: { signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          cancelled();
          reject(signal.reason);
        });
      });
    await using server = createServer({ search } as unknown as Memory, { onError: () => {} });
    const { url } = await server.listen({ port: 0 });
    const client = new AbortController();
    const init = { method: "POST", headers: jsonType, body: '{"query":"x"}', signal: client.signal };
    const pending = fetch(`${url}/v1/search`, init);
    setTimeout(() => client.abort(), 50);
    await expect(pending).rejects.toThrow();
    await seen;
  });
});
