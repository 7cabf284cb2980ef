/** Cancelling over HTTP, as the official client does it, and how sessions begin, are told apart and end. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, test } from "vitest";
import { MnemeError } from "../errors.ts";
import type { AnswerPart, Memory } from "../memory/index.ts";
import { createServer } from "./index.ts";
import { McpSessions } from "./mcp-sessions.ts";

/** A memory whose answers take until they are stopped; a part comes first. Who asked is told by the question. */
function endless(): { readonly memory: Memory; readonly begun: string[]; readonly stopped: string[] } {
  const [begun, stopped]: [string[], string[]] = [[], []];
  async function* ask(question: string, { signal }: { signal: AbortSignal }): AsyncGenerator<AnswerPart> {
    yield { type: "text", text: "word " };
    begun.push(question);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    stopped.push(question);
    throw new MnemeError("CANCELLED", "ask: stopped");
  }
  return { memory: { ask } as unknown as Memory, begun, stopped };
}

async function connected(url: string): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`));
  await client.connect(transport as never);
  return { client, transport };
}

const question = (text: string) => ({ name: "ask", arguments: { question: text } });

test.each([undefined, () => {}])(
  "cancelling stops the request of that client and no other",
  async (onprogress) => {
    const { memory, begun, stopped } = endless();
    const server = createServer(memory);
    const { url } = await server.listen({ port: 0 });
    const [one, two] = [await connected(url), await connected(url)];
    expect(one.transport.sessionId).toBeTruthy();
    expect(one.transport.sessionId).not.toBe(two.transport.sessionId);
    const stop = new AbortController();
    const options = { ...(onprogress ? { onprogress } : {}) };
    // both have the same JSON-RPC id
    const first = one.client.callTool(question("one"), undefined, { ...options, signal: stop.signal });
    const second = two.client.callTool(question("two"), undefined, options);
    second.catch(() => {}); // ended with its session, below
    first.catch(() => {}); // awaited below
    await expect.poll(() => begun.length).toBe(2);
    stop.abort();
    await expect(first).rejects.toThrow(/abort/i);
    await expect.poll(() => stopped).toEqual(["one"]);
    await two.transport.terminateSession();
    await expect.poll(() => stopped).toEqual(["one", "two"]);
    await Promise.all([one.client.close(), two.client.close()]);
    await server.close();
  },
);

test("ids that were ended are refused; unknown ones and none are answered", async () => {
  await using server = createServer(endless().memory);
  const send = (method: string, headers: Record<string, string>, message?: object): Promise<Response> =>
    Promise.resolve(
      server.app.request("/mcp", {
        method,
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
        ...(message ? { body: JSON.stringify({ jsonrpc: "2.0", ...message }) } : {}),
      }),
    );
  const list = { id: 1, method: "tools/list" };
  const clientInfo = { name: "test", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const hello = await send("POST", {}, { id: 0, method: "initialize", params });
  const session = { "mcp-session-id": hello.headers.get("mcp-session-id")! };
  expect((await send("POST", session, list)).status).toBe(200);
  expect((await send("DELETE", session)).status).toBe(204);
  expect((await send("POST", session, list)).status).toBe(404);
  expect((await send("DELETE", session)).status).toBe(404);
  expect((await send("DELETE", {})).status).toBe(400);
  expect((await send("POST", {}, list)).status).toBe(200);
  expect((await send("POST", {}, list)).headers.get("mcp-session-id")).toBeNull();
  expect((await send("POST", { "mcp-session-id": "of another run" }, list)).status).toBe(200);
  const cancelled = { method: "notifications/cancelled", params: { requestId: 1 } };
  expect((await send("POST", {}, cancelled)).status).toBe(202);
});

test("sessions are forgotten by count and by silence", () => {
  let now = 0;
  const sessions = new McpSessions({ most: 2, idleMs: 10, now: () => now });
  const [a, b] = [sessions.begin(), sessions.begin()];
  const running = sessions.run(a, 1)!;
  const c = sessions.begin();
  expect(sessions.size).toBe(2);
  expect(sessions.run(b, 1)).toBeUndefined();
  sessions.cancel(c, 1);
  expect(running.signal.aborted).toBe(false);
  sessions.cancel(a, "1"); // ids 1 and "1" differ
  expect(running.signal.aborted).toBe(false);
  sessions.cancel(a, 1);
  expect(running.signal.aborted).toBe(true);
  now = 5;
  sessions.run(a, 2)!.done();
  now = 12;
  expect(sessions.run(c, 1)).toBeUndefined();
  expect(sessions.size).toBe(1);
  expect(sessions.isEnded(c)).toBe(false);
  expect(sessions.end(a)).toBe(true);
  expect(sessions.isEnded(a)).toBe(true);
});
