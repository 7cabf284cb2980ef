/** The OpenAPI 3.1 document, printed from the same routes and schemas that check the requests. */
import { z } from "zod";
import type { Route, RouteSpec } from "./route.ts";

type Json = Record<string, unknown>;

const errorSchema = z
  .object({
    error: z.object({
      code: z.string().describe("One of the closed set of error codes, or one of OpenAI's"),
      message: z.string().describe("What was asked, what came, what to do"),
      type: z.string().describe("As OpenAI's API sorts errors"),
      param: z.string().nullable().describe("The field at fault"),
      details: z.record(z.string(), z.unknown()),
    }),
  })
  .meta({ id: "Error" });

export interface OpenApiOptions {
  readonly version: string;
  /** Whether a bearer token is demanded. */
  readonly secured: boolean;
}

export function openApi(routes: readonly Route[], options: OpenApiOptions): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const { spec } of routes) {
    const path = paths[spec.path] ?? {};
    path[spec.method] = operation(spec, components, options.secured);
    paths[spec.path] = path;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Mneme",
      version: options.version,
      description: "Long memory for AI on the machine you have.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ spec }) => spec.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components,
      ...(options.secured ? { securitySchemes: { token: { type: "http", scheme: "bearer" } } } : {}),
    },
    ...(options.secured ? { security: [{ token: [] }] } : {}),
  };
}

function operation(spec: RouteSpec, components: Json, secured: boolean): Json {
  return {
    operationId: spec.name,
    tags: [spec.tag],
    summary: spec.summary,
    ...(spec.description ? { description: spec.description } : {}),
    ...parametersOf(spec, components),
    ...requestBodyOf(spec, components),
    responses: {
      "200": { description: "Done", content: contentOf(spec, components) },
      default: {
        description: "Refused or failed",
        content: { "application/json": { schema: toSchema(errorSchema, "output", components) } },
      },
    },
    ...(spec.open && secured ? { security: [] } : {}),
  };
}

function parametersOf(spec: RouteSpec, components: Json): Json {
  const parameters = [
    ...parametersIn("path", spec.params, components),
    ...parametersIn("query", spec.query, components),
  ];
  return parameters.length > 0 ? { parameters } : {};
}

function parametersIn(place: "path" | "query", schema: z.ZodType | undefined, components: Json): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = toSchema(schema, "input", components) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description ? { description } : {}),
    schema: property,
  }));
}

function requestBodyOf(spec: RouteSpec, components: Json): Json {
  if (spec.rawBody) {
    const { mediaType, schema } = spec.rawBody;
    return { requestBody: { required: true, content: { [mediaType]: { schema } } } };
  }
  if (!spec.body) return {};
  const schema = toSchema(spec.body, "input", components);
  return { requestBody: { required: true, content: { "application/json": { schema } } } };
}

function contentOf(spec: RouteSpec, components: Json): Json {
  const content: Json = {};
  if (spec.response) content["application/json"] = { schema: toSchema(spec.response, "output", components) };
  for (const { mediaType, description } of spec.produces ?? []) {
    content[mediaType] = { schema: { type: "string", description } };
  }
  return content;
}

/** JSON Schema of one zod schema; what has an id moves to `components` and is referred to. */
function toSchema(schema: z.ZodType, io: "input" | "output", components: Json): Json {
  const json = z.toJSONSchema(schema, { io, reused: "inline" });
  const moved = JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
  const {
    $schema: _,
    $defs = {},
    id,
    ...rest
  } = moved as Json & { $defs?: Record<string, Json>; id?: string };
  for (const [name, { id: __, ...definition }] of Object.entries($defs)) components[name] = definition;
  if (id === undefined) return rest;
  if (!("$ref" in rest))
    components[id] = JSON.parse(
      JSON.stringify(rest).replaceAll('"$ref":"#"', `"$ref":"#/components/schemas/${id}"`),
    );
  return { $ref: `#/components/schemas/${id}` };
}
