/** Requests that break off or are not what they say, over a socket; and how the server ends with connections open. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Memory, open } from "../memory/index.ts";
import { createServer, type MnemeServer } from "./index.ts";

let memory: Memory;
beforeAll(async () => {
  memory = await open(":memory:", { workers: 0 });
  await memory.add([{ id: "spann.md", text: "Posting lists are pruned by their distance to the query." }]);
});
afterAll(() => memory.close());

const logged: unknown[] = [];

async function listening(): Promise<MnemeServer & { readonly url: string; readonly port: number }> {
  const server = createServer(memory, { onError: (error) => logged.push(error) });
  return { ...server, ...(await server.listen({ port: 0 })) };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** What one answer over a kept connection says. */
async function answerOf(socket: Socket): Promise<string> {
  let text = "";
  for (;;) {
    text += (await once(socket, "data"))[0];
    const length = /content-length: (\d+)/i.exec(text)?.[1];
    const end = text.indexOf("\r\n\r\n") + 4;
    if (length && Buffer.byteLength(text.slice(end)) >= Number(length)) return text;
  }
}

const head = (path: string, headers: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`;
const body = '{"query":"posting lists"}';

/** Status 499 is counted where the client is gone. */
async function counted(url: string, line: string): Promise<void> {
  for (;;) {
    const page = await (await fetch(`${url}/metrics`)).text();
    if (page.includes(line)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a body that breaks off", () => {
  test.each([
    [
      "chunked JSON",
      "/v1/search",
      "Content-Type: application/json\r\nTransfer-Encoding: chunked",
      '5\r\n{"que\r\n',
    ],
    ["JSON", "/v1/search", "Content-Type: application/json\r\nContent-Length: 500", '{"que'],
    [
      "a form",
      "/v1/upload",
      "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 500",
      "--x\r\n",
    ],
  ])("%s is the client's doing, and nothing is logged", async (_, path, headers, part) => {
    await using server = await listening();
    logged.length = 0;
    const socket = await connected(server.port);
    socket.write(head(path, headers) + part);
    await fetch(`${server.url}/v1/health`); // by then the part has arrived
    socket.destroy();
    await counted(server.url, 'status="499"} 1');
    expect(logged).toEqual([]);
  });
});

describe("a body that is not what it says", () => {
  const ask = async (given: BodyInit, headers: Record<string, string> = {}): Promise<Response> => {
    await using server = createServer(memory);
    const init = { method: "POST", body: given, headers: { "content-type": "application/json", ...headers } };
    return await server.app.request("/v1/search", init);
  };

  test("bytes that are no UTF-8 are refused, not replaced", async () => {
    const bytes = Buffer.concat([Buffer.from('{"query":"x'), Buffer.from([0xff]), Buffer.from('"}')]);
    const answer = await ask(bytes);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: "ARGUMENT", message: expect.stringContaining("UTF-8") },
    });
  });

  test("a byte order mark is passed over", async () => {
    expect((await ask(`\ufeff${body}`)).status).toBe(200);
  });

  test.each(["gzip", "br"])("%s is refused before it is taken for JSON", async (encoding) => {
    expect((await ask(body, { "content-encoding": encoding })).status).toBe(415);
    expect((await ask(body, { "content-encoding": "identity" })).status).toBe(200);
  });
});

describe("closing", () => {
  test("a request under way is answered, and its kept connection ends with it", async () => {
    const server = await listening();
    const socket = await connected(server.port);
    const ended = once(socket, "close");
    socket.write(head("/v1/search", `Content-Type: application/json\r\nContent-Length: ${body.length}`));
    await fetch(`${server.url}/v1/health`);
    const silent = await connected(server.port);
    const closed = server.close();
    await once(silent, "close"); // nobody waits for what was never asked
    socket.write(body);
    expect(await answerOf(socket)).toMatch(/^HTTP\/1.1 200[\s\S]*spann\.md/);
    socket.write("GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const more = await Promise.race([ended.then(() => ""), answerOf(socket)]);
    expect(more).toBe("");
    await closed;
  });
});
