/** What the library is and holds: info, stats, facets, health, metrics, and a snapshot to take away. */
import { z } from "zod";
import type { Memory } from "../../memory/types.ts";
import { type Route, route } from "../route.ts";
import { statsRow } from "../schemas.ts";
import type { Service } from "../service.ts";
import { parseWhere } from "./items.ts";
import { snapshotRoute } from "./snapshot.ts";

const space = z
  .object({
    model: z.string(),
    revision: z.string(),
    pooling: z.enum(["mean", "cls", "last", "external"]),
    dim: z.int(),
    normalized: z.boolean(),
  })
  .meta({ id: "Space" });

const infoAnswer = z
  .object({
    location: z.string(),
    writable: z.boolean(),
    items: z.int(),
    passages: z.int(),
    textBytes: z.number(),
    segments: z.int(),
    tailRows: z.int(),
    space,
    budgetBytes: z.number(),
    usedBytes: z.number(),
    diskBytes: z.number(),
    freeBytes: z.number(),
    generation: z.number(),
    formatVersion: z.int(),
    skipped: z
      .array(
        z.object({
          folder: z.string(),
          at: z.number(),
          count: z.int(),
          codes: z.record(z.string(), z.int()),
        }),
      )
      .exactOptional()
      .describe("What the last run over each folder left out, by reason"),
  })
  .loose()
  .meta({ id: "Info" });

const facetValues = z.array(z.object({ value: z.string(), count: z.int() }));
const facetQuery = z.object({
  where: z.string().exactOptional().describe("A filter (see Where) as JSON"),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

/** Fields are named by items; so many are asked for the names of theirs. */
const FIELD_SAMPLE = 300;

export function describeRoutes(service: Service): Route[] {
  return [
    infoRoute(service),
    statsRoute(service),
    fieldsRoute(service),
    facetRoute(service),
    snapshotRoute(service),
    healthRoute(service),
    metricsRoute(service),
  ];
}

function infoRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/info",
      tag: "Library",
      name: "info",
      summary: "What the library is",
      response: infoAnswer,
    },
    async () => {
      const { skipped, ...rest } = memory.info();
      // files by name are long, and paths of the server's own
      return skipped ? { ...rest, skipped: skipped.map(({ named: _, ...counts }) => counts) } : rest;
    },
  );
}

const modelBytes = z
  .object({ name: z.string(), weights: z.number(), cache: z.number(), scratch: z.number() })
  .describe("Bytes of the server's language model; not out of the library's budget");

/** Of a model that holds bytes here. */
function modelOf({ model }: Service): { model?: z.infer<typeof modelBytes> } {
  return model?.model.bytes ? { model: { name: model.name, ...model.model.bytes } } : {};
}

function statsRoute(service: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/stats",
      tag: "Library",
      name: "stats",
      summary: "Every structure with the bytes it really uses, against the budget",
      response: z.object({
        rows: z.array(statsRow),
        budgetBytes: z.number(),
        usedBytes: z.number(),
        model: modelBytes.exactOptional(),
      }),
    },
    async () => {
      const { memory } = service;
      const { budgetBytes, usedBytes } = memory.info();
      return { rows: memory.stats(), budgetBytes, usedBytes, ...modelOf(service) };
    },
  );
}

function fieldsRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/facets",
      tag: "Library",
      name: "fields",
      summary: `Metadata fields, as used by the first ${FIELD_SAMPLE} items`,
      response: z.object({ fields: z.array(z.object({ field: z.string(), items: z.int() })) }),
    },
    async () => ({ fields: await sampleFields(memory) }),
  );
}

async function sampleFields(memory: Memory): Promise<{ field: string; items: number }[]> {
  const counts = new Map<string, number>();
  for await (const { meta } of memory.list({ limit: FIELD_SAMPLE })) {
    for (const field of Object.keys(meta)) counts.set(field, (counts.get(field) ?? 0) + 1);
  }
  return [...counts].map(([field, items]) => ({ field, items })).sort((a, b) => b.items - a.items);
}

function facetRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/facets/{field}",
      tag: "Library",
      name: "facets",
      summary: "Values of a metadata field with counts, most frequent first",
      params: z.object({ field: z.string().min(1) }),
      query: facetQuery,
      response: z.object({ field: z.string(), values: facetValues }),
    },
    async ({ params: { field }, query: { limit, where } }) => {
      const options = { limit, ...(where ? { where: parseWhere(where) } : {}) };
      return { field, values: await memory.facets(field, options) };
    },
  );
}

function healthRoute({ memory }: Service): Route {
  return route(
    {
      method: "get",
      path: "/v1/health",
      tag: "Server",
      name: "health",
      summary: "200 while the library is open",
      response: z.object({ status: z.literal("ok"), writable: z.boolean() }),
      open: true,
    },
    // Throws DISPOSED, which is 503, once the memory is closed.
    async () => ({ status: "ok", writable: memory.info().writable }),
  );
}

function metricsRoute(service: Service): Route {
  return route(
    {
      method: "get",
      path: "/metrics",
      tag: "Server",
      name: "metrics",
      summary: "Metrics in the Prometheus text format",
      produces: [{ mediaType: "text/plain", description: "Prometheus text format 0.0.4" }],
    },
    async () =>
      new Response(service.metrics.render(service.memory, modelOf(service).model), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
  );
}
