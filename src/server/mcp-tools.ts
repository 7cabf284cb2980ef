/** The tools of the MCP server: the memory's verbs as a language model calls them. Each answers twice: text that a model reads, and structured content that a program reads. */
import { createHash } from "node:crypto";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type {
  AnswerPart,
  Citation,
  ForgetSelector,
  Hit,
  ItemHead,
  Memory,
  Quotation,
} from "../memory/types.ts";
import { answer, stepsOf, type Told } from "./mcp-answer.ts";
import { facetChoice, meta, where } from "./schemas.ts";

export function registerReading(server: McpServer, memory: Memory): void {
  server.registerTool(
    "search",
    {
      title: "Search the library",
      description:
        "Finds passages by words and by meaning. Each has an id (for get), a place and the reasons it was found.",
      inputSchema: {
        query: z.string().min(1),
        k: z.number().int().min(1).max(50).optional().describe("How many passages; default 8"),
        filter: where.optional(),
        facets: facetChoice
          .optional()
          .describe("Only passages filed under these labels; see the tool facets"),
      },
      annotations: { readOnlyHint: true },
    },
    ({ query, k = 8, filter, facets }, { signal }) =>
      answer(async () => {
        const { hits, notes } = await memory.search(query, {
          k,
          ...(filter ? { filter } : {}),
          ...(facets ? { facets } : {}),
          signal,
          snippet: 600,
        });
        return {
          text: hits.length > 0 ? hits.map(hitText).join("\n\n") : `Nothing found. ${notes.join(" ")}`,
          data: { hits, notes },
        };
      }),
  );
  server.registerTool(
    "ask",
    {
      title: "Ask the library",
      description:
        "Answers a question from the documents, with numbered citations. Says so when they hold no answer.",
      inputSchema: { question: z.string().min(1), filter: where.optional() },
      annotations: { readOnlyHint: true },
    },
    ({ question, filter }, call) =>
      answer(() => {
        const parts = memory.ask(question, { ...(filter ? { filter } : {}), signal: call.signal });
        return collectAnswer(parts, stepsOf(call));
      }),
  );
}

export function registerFinding(server: McpServer, memory: Memory): void {
  server.registerTool(
    "find",
    {
      title: "Find a quotation",
      description:
        "Places that read letter by letter as a quotation does, some characters aside. For exact wording; search is for meaning.",
      inputSchema: {
        quote: z.string().min(1).max(20_000),
        mismatches: z.number().int().min(0).optional().describe("Characters that may differ; default 0"),
        limit: z.number().int().min(1).max(200).optional().describe("Default 20"),
        filter: where.optional(),
      },
      annotations: { readOnlyHint: true },
    },
    ({ quote, mismatches = 0, limit = 20, filter }, { signal }) =>
      answer(async () => {
        const places: Quotation[] = [];
        const options = { mismatches, limit, ...(filter ? { filter } : {}), signal };
        for await (const place of memory.find(quote, options)) places.push(place);
        const lines = places.map(({ id, line, snippet }) => `${id}:${line}  ${snippet}`);
        return { text: lines.join("\n") || "It stands nowhere.", data: { places } };
      }),
  );
}

export function registerLocating(server: McpServer, memory: Memory): void {
  server.registerTool(
    "locate",
    {
      title: "Count and locate a text",
      description:
        "How often a text occurs, letter by letter, and where. For names, numbers, code; find allows letters that differ.",
      inputSchema: {
        text: z.string().min(1).max(20_000),
        ignoreCase: z.boolean().optional().describe("Default false"),
        limit: z.number().int().min(0).max(200).optional().describe("Places; default 20, 0 counts only"),
        cursor: z.string().optional().describe("next of an earlier answer"),
        filter: where.optional(),
      },
      annotations: { readOnlyHint: true },
    },
    ({ text, ignoreCase = false, limit = 20, cursor, filter }, { signal }) =>
      answer(async () => {
        const options = { ignoreCase, ...(filter ? { filter } : {}), signal };
        const count = await memory.count(text, options);
        const asked = { ...options, limit, ...(cursor ? { cursor } : {}) };
        const { occurrences, next } = await memory.locate(text, asked);
        const lines = occurrences.map(({ id, line, snippet }) => `${id}:${line}  ${snippet}`);
        const told = [
          `It occurs ${count} times.`,
          ...lines,
          ...(next && limit > 0 ? [`Go on with cursor ${next}.`] : []),
        ];
        return { text: told.join("\n"), data: { count, occurrences, ...(next ? { next } : {}) } };
      }),
  );
}

export function registerListing(server: McpServer, memory: Memory): void {
  server.registerTool(
    "get",
    {
      title: "Read an item",
      description: "The text of one item, whole or from a character offset.",
      inputSchema: {
        id: z.string().min(1),
        offset: z.number().int().min(0).optional(),
        length: z.number().int().min(1).max(100_000).optional().describe("Characters; default 20000"),
      },
      annotations: { readOnlyHint: true },
    },
    ({ id, offset = 0, length = 20_000 }) =>
      answer(async () => {
        const item = await memory.get(id);
        if (!item) return { text: `No item ${JSON.stringify(id)}; list shows what there is.`, failed: true };
        const { text, data, ...head } = item;
        if (data) return { text: `${id} is ${data.byteLength} bytes and no text.`, data: head };
        const part = text.slice(offset, offset + length);
        return { text: part, data: { ...head, text: part, offset, characters: text.length } };
      }),
  );
  server.registerTool(
    "list",
    {
      title: "List items",
      description: "Items in the order of their ids, a page at a time.",
      inputSchema: {
        limit: z.number().int().min(1).max(200).optional().describe("Default 50"),
        prefix: z.string().optional(),
        after: z.string().optional().describe("The last id of the page before"),
        filter: where.optional(),
      },
      annotations: { readOnlyHint: true },
    },
    ({ limit = 50, prefix, after, filter }) =>
      answer(async () => {
        const items: ItemHead[] = [];
        const options = {
          limit,
          ...(prefix ? { prefix } : {}),
          ...(after ? { after } : {}),
          ...(filter ? { where: filter } : {}),
        };
        for await (const head of memory.list(options)) items.push(head);
        return {
          text: items.map(({ id, title }) => `${id}\t${title}`).join("\n") || "No items.",
          data: { items },
        };
      }),
  );
}

export function registerWriting(server: McpServer, memory: Memory): void {
  server.registerTool(
    "add",
    {
      title: "Remember a text",
      description: "Stores a text, durable and searchable at once. The same id again replaces it.",
      inputSchema: {
        text: z.string().min(1),
        id: z.string().min(1).optional().describe("Default: made from the content"),
        title: z.string().optional(),
        meta: meta.optional(),
      },
      annotations: { destructiveHint: false, idempotentHint: true },
    },
    ({ text, id = noteId(text), title, meta: fields }, { signal }) =>
      answer(async () => {
        const item = { id, text, ...(title ? { title } : {}), ...(fields ? { meta: fields } : {}) };
        const provenance = { origin: "conversation" } as const;
        const result = await memory.add([{ ...item, provenance }], { signal });
        const [skipped] = result.skipped;
        if (skipped) return { text: `Not stored: ${skipped.reason}`, failed: true };
        return { text: `Stored as ${id} (${result.passages} passages).`, data: { id, ...result } };
      }),
  );
  server.registerTool(
    "forget",
    {
      title: "Forget items",
      description:
        "Removes items by id, filter or age. Only counts them unless confirm is true; then it can be undone for a while.",
      inputSchema: {
        ids: z.array(z.string()).optional(),
        filter: where.optional(),
        olderThan: z.string().optional().describe('A date or a span such as "30d"'),
        confirm: z.boolean().optional().describe("Really forget; default false"),
      },
      annotations: { destructiveHint: true },
    },
    ({ ids, filter, olderThan, confirm = false }) =>
      answer(async () => {
        const selector: ForgetSelector = {
          ...(ids ? { ids } : {}),
          ...(filter ? { where: filter } : {}),
          ...(olderThan ? { olderThan } : {}),
          dryRun: !confirm,
        };
        const result = await memory.forget(selector);
        const verb = confirm ? "Forgot" : "Would forget";
        const hint = confirm ? "" : " Call again with confirm: true to do it.";
        return {
          text: `${verb} ${result.items} items, ${result.bytesFreed} bytes.${hint}`,
          data: { ...result, dryRun: !confirm },
        };
      }),
  );
}

function hitText({ id, title, snippet, place, score, reasons }: Hit): string {
  const at = [title, ...place.headings].join(" > ");
  const labels = reasons.flatMap(({ labels = [] }) =>
    labels.filter(({ dimension }) => dimension !== "word").map((one) => `${one.dimension}: ${one.label}`),
  );
  const filed = labels.length > 0 ? `\nFiled under ${[...new Set(labels)].join(", ")}` : "";
  return `[${id}] ${at} (line ${place.line}, score ${score.toFixed(3)})\n${snippet}${filed}`;
}

/** @param step told of each part */
async function collectAnswer(parts: AsyncIterable<AnswerPart>, step: () => Promise<void>): Promise<Told> {
  const citations = new Map<number, Citation>();
  let text = "";
  let answered = false;
  for await (const part of parts) {
    await step();
    text += part.text;
    if (part.type === "citation") citations.set(part.citation.number, part.citation);
    if (part.type === "done") {
      answered = part.answered;
      if (!answered) text ||= part.reason ?? "The library holds no answer.";
    }
  }
  const sources = [...citations.values()].map(
    (c) => `[${c.number}] ${c.id}, line ${c.place.line}: "${c.quote}"`,
  );
  return {
    text: [text, ...sources].join("\n"),
    data: { answer: text, answered, citations: [...citations.values()] },
  };
}

function noteId(text: string): string {
  return `note-${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
}
