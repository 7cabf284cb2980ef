/**
 * MCP over Streamable HTTP. Stateless: each request brings all it needs, so nothing is kept between them, and an answer whose client is
 * gone has nowhere to go: it is stopped. Answered in one piece, or as events where the client wants to hear of progress.
 */
import { MnemeError } from "../errors.ts";
import type { Memory } from "../memory/types.ts";
import { createMcpServer } from "./mcp.ts";
import { readBody } from "./read-body.ts";
import { whenDone } from "./stream.ts";

/** @param signal fires when the client goes away or the server stops @throws MnemeError CANCELLED when it does */
export async function answerMcp(memory: Memory, request: Request, signal: AbortSignal): Promise<Response> {
  if (request.method !== "POST") {
    const message = "this MCP server is stateless: send JSON-RPC by POST";
    const error = { code: "UNSUPPORTED", message, details: {} };
    return Response.json({ error }, { status: 405, headers: { allow: "POST" } });
  }
  const body = await readBody(request, "mcp", (given) => given.text());
  const { url, method, headers } = request;
  return answerMessage(memory, new Request(url, { method, headers, body }), signal, {
    asEvents: body.includes('"progressToken"'),
  });
}

async function answerMessage(
  memory: Memory,
  request: Request,
  signal: AbortSignal,
  { asEvents }: { readonly asEvents: boolean },
): Promise<Response> {
  const { WebStandardStreamableHTTPServerTransport } = await import(
    "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
  );
  const server = createMcpServer(memory);
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !asEvents });
  const gone = new Promise<never>((_, reject) => {
    server.server.onclose = () => reject(new MnemeError("CANCELLED", "mcp: nobody waits for the answer"));
  });
  gone.catch(() => {}); // it ends like this behind every answer
  const end = (): void => {
    signal.removeEventListener("abort", end);
    void server.close(); // stops the tools that are at work
  };
  signal.addEventListener("abort", end);
  let isStreaming = false;
  try {
    await server.connect(transport);
    if (signal.aborted) end();
    const response = await Promise.race([transport.handleRequest(request), gone]);
    if (!asEvents || !response.body) return response;
    isStreaming = true;
    return new Response(response.body.pipeThrough(whenDone(end)), response);
  } finally {
    if (!isStreaming) end();
  }
}
