/** Items as resources of the MCP server: listed a page at a time in the order of their ids, and read whole. */
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type Resource,
  type ResourceContents,
} from "@modelcontextprotocol/sdk/types.js";
import { isMnemeError } from "../errors.ts";
import type { ItemHead, Memory } from "../memory/types.ts";

const PAGE = 100;
const PREFIX = "mneme://items/";
/** Of the protocol; its library has no name for it. */
const RESOURCE_NOT_FOUND = -32002;

/** By hand, as the library's own way lists everything at once. Call it before the server is connected. */
export function registerResources({ server }: McpServer, memory: Memory): void {
  server.registerCapabilities({ resources: {} });
  server.setRequestHandler(ListResourcesRequestSchema, ({ params }) => listPage(memory, params?.cursor));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => ({
    contents: [await read(memory, params.uri)],
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [
      { uriTemplate: `${PREFIX}{id}`, name: "item", description: "The whole text of an item of the library" },
    ],
  }));
}

/** @param after the last id of the page before */
async function listPage(
  memory: Memory,
  after: string | undefined,
): Promise<{ resources: Resource[]; nextCursor?: string }> {
  const heads: ItemHead[] = [];
  // one more than a page tells whether another one exists
  const options = { limit: PAGE + 1, ...(after === undefined ? {} : { after }) };
  try {
    for await (const head of memory.list(options)) heads.push(head);
  } catch (error) {
    if (!isMnemeError(error, "ARGUMENT")) throw error;
    throw new McpError(ErrorCode.InvalidParams, error.message);
  }
  const page = heads.slice(0, PAGE);
  const next = heads.length > PAGE ? { nextCursor: page.at(-1)!.id } : {};
  return { resources: page.map(resourceOf), ...next };
}

function resourceOf(head: ItemHead): Resource {
  const { id, title, bytes } = head;
  const uri = PREFIX + encodeURIComponent(id);
  return { uri, name: id, ...(title ? { title } : {}), mimeType: mediaTypeOf(head), size: bytes };
}

/** Of what is given: text that was read out of a file of another kind is text. */
function mediaTypeOf({ binary, provenance: { mediaType } }: ItemHead): string {
  if (binary) return mediaType ?? "application/octet-stream";
  return mediaType?.startsWith("text/") ? mediaType : "text/plain";
}

async function read(
  memory: Memory,
  uri: string,
): Promise<ResourceContents & ({ text: string } | { blob: string })> {
  const id = idOf(uri);
  const item = id === undefined ? undefined : await memory.get(id);
  if (!item)
    throw new McpError(RESOURCE_NOT_FOUND, `no item ${uri}; resources/list names what there is`, { uri });
  const { text, data } = item;
  const mimeType = mediaTypeOf(item);
  return data ? { uri, mimeType, blob: Buffer.from(data).toString("base64") } : { uri, mimeType, text };
}

function idOf(uri: string): string | undefined {
  if (!uri.startsWith(PREFIX)) return undefined;
  try {
    return decodeURIComponent(uri.slice(PREFIX.length)) || undefined;
  } catch {
    return undefined; // a broken escape names nothing
  }
}
