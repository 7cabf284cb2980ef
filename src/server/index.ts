/** The server room: a memory over HTTP and MCP, and the console's files. */
export type { App } from "./app.ts";
export {
  createServer,
  type ListenOptions,
  type MnemeServer,
  type ServerOptions,
  serverDefaults,
} from "./create-server.ts";
export type { GuardOptions } from "./guard.ts";
export { createMcpServer, type McpStdioOptions, serveMcpStdio } from "./mcp.ts";
export type { UploadEvent } from "./routes/upload.ts";
export type { ReadFile } from "./service.ts";
