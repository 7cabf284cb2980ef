/** MCP (Model Context Protocol, 2025-06-18): the memory as tools and resources of a language model; over stdio here. */
import type { Readable, Writable } from "node:stream";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Memory } from "../memory/types.ts";
import { registerFacets } from "./mcp-facets.ts";
import { registerResources } from "./mcp-resources.ts";
import {
  registerFinding,
  registerListing,
  registerLocating,
  registerReading,
  registerWriting,
} from "./mcp-tools.ts";
import { packageVersion } from "./package-version.ts";

/** An MCP server over `memory`, not yet connected to a transport. `memory` is borrowed. */
export function createMcpServer(memory: Memory): McpServer {
  const server = new McpServer(
    { name: "mneme", version: packageVersion() },
    {
      instructions:
        "A library of documents on this machine. search finds passages, ask answers with citations, get reads a whole item, " +
        "add stores a note for later, forget removes (a dry run unless confirm is true).",
    },
  );
  registerReading(server, memory);
  registerFinding(server, memory);
  registerLocating(server, memory);
  registerFacets(server, memory);
  registerListing(server, memory);
  registerWriting(server, memory);
  registerResources(server, memory);
  return server;
}

export interface McpStdioOptions {
  readonly signal?: AbortSignal;
  /** Default: the process's own. */
  readonly stdin?: Readable;
  readonly stdout?: Writable;
}

/** Serves `memory` over stdin and stdout until the client goes away or `signal` fires. Nothing else may write to stdout. */
export async function serveMcpStdio(memory: Memory, options: McpStdioOptions = {}): Promise<void> {
  const { StdioServerTransport } = await import("@modelcontextprotocol/sdk/server/stdio.js");
  const { signal, stdin = process.stdin, stdout = process.stdout } = options;
  if (signal?.aborted) return;
  const server = createMcpServer(memory);
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
  });
  const close = (): void => void server.close();
  signal?.addEventListener("abort", close, { once: true });
  stdin.once("end", close);
  await server.connect(new StdioServerTransport(stdin, stdout));
  await closed;
  signal?.removeEventListener("abort", close);
  stdin.off("end", close);
}
