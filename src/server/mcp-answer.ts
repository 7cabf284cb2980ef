/** Answers of MCP tools: text that a model reads, structured content that a program reads. */
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
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
