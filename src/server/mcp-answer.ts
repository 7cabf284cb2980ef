/** Answers of MCP tools: text that a model reads, structured content that a program reads. */
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js";
import type { CallToolResult, ServerNotification, ServerRequest } from "@modelcontextprotocol/sdk/types.js";
import { isMnemeError } from "../errors.ts";

export interface Told {
  readonly text: string;
  readonly data?: object;
  readonly failed?: boolean;
}

/** Our errors become tool errors, which the model reads and can act on. */
export async function answer(work: () => Promise<Told>): Promise<CallToolResult> {
  try {
    const { text, data, failed } = await work();
    return {
      content: [{ type: "text", text }],
      ...(data ? { structuredContent: JSON.parse(JSON.stringify(data)) as Record<string, unknown> } : {}),
      ...(failed ? { isError: true } : {}),
    };
  } catch (error) {
    if (!isMnemeError(error)) throw error;
    return { content: [{ type: "text", text: `${error.code}: ${error.message}` }], isError: true };
  }
}

/** What a tool's handler is told of its request. */
export type CallOf = Pick<
  RequestHandlerExtra<ServerRequest, ServerNotification>,
  "_meta" | "sendNotification"
>;

/** Tells the client of each step of long work, where it wants to know: one that hears nothing gives up after a minute. */
export function stepsOf({ _meta, sendNotification }: CallOf): () => Promise<void> {
  const progressToken = _meta?.progressToken;
  let progress = 0;
  return async () => {
    if (progressToken === undefined) return;
    progress++;
    await sendNotification({ method: "notifications/progress", params: { progressToken, progress } });
  };
}
