/** Route: one endpoint as data (for the OpenAPI document) with the function that answers it. Not a router: Hono does that. */
import type { z } from "zod";
import { MnemeError } from "../errors.ts";
import { readJson } from "./read-body.ts";
import type { StreamEnds } from "./stream.ts";

export interface RouteSpec {
  readonly method: "get" | "post" | "delete";
  /** OpenAPI style, e.g. "/v1/items/{id}". */
  readonly path: string;
  readonly tag: string;
  /** Unique name of the operation, for generated clients. */
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** Body of another media type than JSON, which the handler reads itself. */
  readonly rawBody?: { readonly mediaType: string; readonly schema: Readonly<Record<string, unknown>> };
  /** JSON answer; absent when only `streams` or `produces` describe it. */
  readonly response?: z.ZodType;
  /** Further media types of the 200 answer: event streams, text, files. */
  readonly produces?: readonly { readonly mediaType: string; readonly description: string }[];
  /** Open to requests without the token. */
  readonly open?: boolean;
}

/** What a handler is given beside its input. */
export interface CallContext {
  readonly request: Request;
  /** Fires when the client goes away, also from an answer that has begun, or the server stops. */
  readonly signal: AbortSignal;
  /** For an answer that comes piece by piece. */
  readonly ends: StreamEnds;
}

/** With checked input. */
export interface Call<P = unknown, Q = unknown, B = unknown> extends CallContext {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
}

/** With raw input as the router found it. */
export interface RawCall extends CallContext {
  readonly params: Readonly<Record<string, string>>;
}

export interface Route {
  readonly spec: RouteSpec;
  readonly answer: (raw: RawCall) => Promise<Response>;
}

type Schema<T> = z.ZodType<T>;

interface TypedSpec<P, Q, B> extends RouteSpec {
  readonly params?: Schema<P>;
  readonly query?: Schema<Q>;
  readonly body?: Schema<B>;
}

/** Joins a spec with its handler. A handler's plain value is sent as JSON; a Response is sent as it is. */
export function route<P = undefined, Q = undefined, B = undefined>(
  spec: TypedSpec<P, Q, B>,
  handle: (call: Call<P, Q, B>) => Promise<unknown>,
): Route {
  const where = `${spec.method.toUpperCase()} ${spec.path}`;
  return {
    spec,
    answer: async ({ params, ...context }) => {
      const { request } = context;
      const query = Object.fromEntries(new URL(request.url).searchParams);
      const result = await handle({
        params: check(spec.params, params, where, "path") as P,
        query: check(spec.query, query, where, "query") as Q,
        body: (spec.body && check(spec.body, await readJson(request, where), where, "body")) as B,
        ...context,
      });
      return result instanceof Response ? result : Response.json(result);
    },
  };
}

function check(schema: z.ZodType | undefined, value: unknown, where: string, part: string): unknown {
  if (!schema) return undefined;
  const parsed = parse(schema, value, where);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const first = issues[0]!;
  throw new MnemeError(
    "ARGUMENT",
    `${where}: ${part}${first.path ? `.${first.path}` : ""}: ${first.message}; see /openapi.json for what it takes`,
    { details: { issues, ...(first.path ? { param: first.path } : {}) } },
  );
}

/** @throws MnemeError ARGUMENT for what nests too deeply to be looked at */
export function parse<T>(schema: z.ZodType<T>, value: unknown, where: string): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    // Filters nest; a hostile one nests until the stack ends.
    if (!(cause instanceof RangeError)) throw cause;
    throw new MnemeError("ARGUMENT", `${where}: the input nests too deeply; send a flatter one`, { cause });
  }
}
