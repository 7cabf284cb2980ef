/**
 * MCP over Streamable HTTP. Each request brings all it needs; a session only tells whose request a `notifications/cancelled` means, and
 * clients may do without. An answer whose client is gone has nowhere to go: it is stopped. Answered in one piece, or as events where the
 * client wants to hear of progress.
 */
import { MnemeError } from "../errors.ts";
import type { Memory } from "../memory/types.ts";
import { createMcpServer } from "./mcp.ts";
import type { McpSessions, RequestId } from "./mcp-sessions.ts";
import { readBody } from "./read-body.ts";
import { whenDone } from "./stream.ts";

/** @param signal fires when the client goes away or the server stops @throws MnemeError CANCELLED when it does */
export async function answerMcp(
  { memory, sessions }: { readonly memory: Memory; readonly sessions: McpSessions },
  request: Request,
  signal: AbortSignal,
): Promise<Response> {
  const { url, method, headers } = request;
  const session = headers.get(SESSION);
  if (method === "DELETE") return endSession(sessions, session);
  if (method !== "POST")
    return refused(405, "UNSUPPORTED", "this MCP server sends nothing by itself: send JSON-RPC by POST", {
      allow: "POST, DELETE",
    });
  if (session !== null && sessions.isEnded(session)) return refused(404, "NOT_FOUND", NO_SESSION);
  const body = await readBody(request, "mcp", (given) => given.text());
  const message = messageOf(body);
  if (
    session !== null &&
    message.method === "notifications/cancelled" &&
    message.params?.requestId !== undefined
  )
    sessions.cancel(session, message.params.requestId);
  const running =
    session !== null && message.method !== undefined && message.id !== undefined
      ? sessions.run(session, message.id)
      : undefined;
  const response = await answerMessage(
    memory,
    new Request(url, { method, headers, body }),
    running ? AbortSignal.any([signal, running.signal]) : signal,
    { asEvents: body.includes('"progressToken"'), onEnd: () => running?.done() },
  );
  if (response.ok && message.method === "initialize") response.headers.set(SESSION, sessions.begin());
  return response;
}

const SESSION = "mcp-session-id";
const NO_SESSION = "no session of that id: it was ended; send initialize";

function endSession(sessions: McpSessions, session: string | null): Response {
  if (session === null) return refused(400, "ARGUMENT", "DELETE ends the session that Mcp-Session-Id names");
  return sessions.end(session) ? new Response(null, { status: 204 }) : refused(404, "NOT_FOUND", NO_SESSION);
}

function refused(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error: { code, message, details: {} } }, { status, headers });
}

interface Message {
  readonly method?: string;
  readonly id?: RequestId;
  readonly params?: { readonly requestId?: RequestId };
}

/** What tells requests apart. The transport refuses what is no JSON-RPC; the few clients that send batches cannot cancel a part of one. */
function messageOf(body: string): Message {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

async function answerMessage(
  memory: Memory,
  request: Request,
  signal: AbortSignal,
  { asEvents, onEnd }: { readonly asEvents: boolean; readonly onEnd: () => void },
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
    onEnd();
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
