/** /v1/items: add, list a page, read one, delete one. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { Item, ItemHead } from "../../memory/types.ts";
import { parse, type Route, route } from "../route.ts";
import { itemHead, meta, provenance, sparse, storedItem, where } from "../schemas.ts";
import type { Service } from "../service.ts";
import { forgetAnswer } from "./forget.ts";

const itemInput = z
  .strictObject({
    id: z.string().min(1),
    text: z.string(),
    data: z.base64().exactOptional().describe("Bytes of an item that is no text, base64; text is then empty"),
    title: z.string().exactOptional(),
    meta: meta.exactOptional(),
    provenance: provenance.exactOptional(),
    owner: z.string().exactOptional(),
    visibility: z.enum(["private", "public"]).exactOptional(),
    expiresAt: z
      .union([z.number(), z.string()])
      .exactOptional()
      .describe("Milliseconds since 1970, or an ISO date"),
    vector: z.array(z.number()).exactOptional().describe("Own vector of the whole item"),
    sparse: sparse.exactOptional(),
  })
  .meta({ id: "ItemInput" });

const addBody = z.strictObject({ items: z.array(itemInput).min(1).max(5000) });

export const addAnswer: z.ZodType = z
  .object({
    added: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    skipped: z.array(z.object({ id: z.string(), code: z.string(), reason: z.string() })),
    passages: z.int(),
    bytes: z.int(),
  })
  .meta({ id: "AddResult" });

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  after: z.string().exactOptional().describe("`next` of the page before"),
  prefix: z.string().exactOptional().describe("Ids that begin so"),
  where: z.string().exactOptional().describe("A filter (see Where) as JSON"),
});

const listAnswer = z.object({
  items: z.array(itemHead),
  next: z.string().exactOptional().describe("Pass as `after` for the next page"),
});

const idParam = z.object({ id: z.string().min(1).describe("The item's id, percent-encoded") });

export function itemRoutes(service: Service): Route[] {
  return [addRoute(service), listRoute(service), getRoute(service), deleteRoute(service)];
}

/** A filter that came as JSON in a query string. @throws MnemeError ARGUMENT */
export function parseWhere(json: string): z.infer<typeof where> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new MnemeError("ARGUMENT", `where: not JSON: ${json.slice(0, 80)}; write e.g. {"year":2021}`, {
      cause,
    });
  }
  const parsed = parse(where, value, "where");
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MnemeError(
    "ARGUMENT",
    `where${issue?.path.length ? `.${issue.path.join(".")}` : ""}: ${issue?.message}`,
  );
}

function addRoute({ memory }: Service): Route {
  return route(
    {
      method: "post",
      path: "/v1/items",
      tag: "Items",
      name: "addItems",
      summary: "Add or replace items; durable and searchable when it answers",
      body: addBody,
      response: addAnswer,
    },
    async ({ body, signal }) => memory.add(body.items.map(toItem), { signal }),
  );
}

function toItem({ vector, data, ...rest }: z.infer<typeof itemInput>): Item {
  return {
    ...rest,
    ...(data === undefined ? {} : { data: Buffer.from(data, "base64") }),
    ...(vector ? { vector: Float32Array.from(vector) } : {}),
  };
}

function listRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/items",
      tag: "Items",
      name: "listItems",
      summary: "Headers of items in the order of their ids, a page at a time",
      query: listQuery,
      response: listAnswer,
    },
    async ({ query: { limit, where: filter, ...rest } }) => {
      const items: ItemHead[] = [];
      // One more than asked tells whether another page exists.
      const options = { ...rest, limit: limit + 1, ...(filter ? { where: parseWhere(filter) } : {}) };
      for await (const head of memory.list(options)) items.push(head);
      const page = items.slice(0, limit);
      return items.length > limit ? { items: page, next: page.at(-1)!.id } : { items: page };
    },
  );
}

function getRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/items/{id}",
      tag: "Items",
      name: "getItem",
      summary: "One item with its text",
      params: idParam,
      response: storedItem,
    },
    async ({ params: { id } }) => {
      const item = await memory.get(id);
      if (!item) throw noSuchItem(id);
      const { data, ...rest } = item;
      return data ? { ...rest, data: Buffer.from(data).toString("base64") } : rest;
    },
  );
}

function deleteRoute({ memory }: Service): Route {
  return route(
    {
      method: "delete",
      path: "/v1/items/{id}",
      tag: "Items",
      name: "deleteItem",
      summary: "Forget one item; `undo` of the answer brings it back",
      params: idParam,
      query: z.object({ dryRun: z.enum(["true", "false"]).default("false") }),
      response: forgetAnswer,
    },
    async ({ params: { id }, query }) => {
      const result = await memory.forget({ ids: [id], dryRun: query.dryRun === "true" });
      return result.items > 0 ? result : Promise.reject(noSuchItem(id));
    },
  );
}

function noSuchItem(id: string): MnemeError {
  return new MnemeError(
    "NOT_FOUND",
    `no item ${JSON.stringify(id)} in this library; GET /v1/items lists what there is`,
    {
      details: { id },
    },
  );
}
