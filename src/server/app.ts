/** The application: every request gets an id, is admitted or refused, measured, answered by its route, and given safe headers. */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { MnemeError } from "../errors.ts";
import { type ConsoleFiles, consoleAnswer } from "./console.ts";
import { admit, type GuardOptions } from "./guard.ts";
import { answerMcp } from "./mcp-http.ts";
import { McpSessions } from "./mcp-sessions.ts";
import { openApi } from "./openapi.ts";
import { type ProblemBody, problem, problemBody } from "./problem.ts";
import { readBody } from "./read-body.ts";
import type { Route } from "./route.ts";
import { chatRoutes } from "./routes/chat.ts";
import { completionRoutes } from "./routes/completions.ts";
import { describeRoutes } from "./routes/describe.ts";
import { embeddingRoutes } from "./routes/embeddings.ts";
import { facetRoutes } from "./routes/facets.ts";
import { findRoutes } from "./routes/find.ts";
import { forgetRoutes } from "./routes/forget.ts";
import { itemRoutes } from "./routes/items.ts";
import { locateRoutes } from "./routes/locate.ts";
import { searchRoutes } from "./routes/search.ts";
import { uploadRoutes } from "./routes/upload.ts";
import type { Service } from "./service.ts";

type Variables = { requestId: string; route: string };
export type App = Hono<{ Variables: Variables }>;

export interface AppSettings {
  readonly service: Service;
  readonly version: string;
  /** Read at each request: `listen` may bring the token after the app is built. */
  readonly guard: () => GuardOptions;
  readonly consoleFiles: () => Promise<ConsoleFiles>;
  readonly onError: (error: unknown, requestId: string) => void;
  /** Fires when the server stops. */
  readonly stopping: AbortSignal;
}

/** Most bytes of a JSON body. */
export const MAX_JSON_BYTES = 32e6;

export function buildApp(settings: AppSettings): App {
  const { service, version } = settings;
  const routes = allRoutes(service);
  const app: App = new Hono();
  app.use(measured(settings));
  app.use(shared(settings));
  app.use((c, next) => {
    admit(c.req.raw, isOpen(routes, c.req.path), settings.guard());
    return next();
  });
  const limits = { json: limit(MAX_JSON_BYTES), upload: limit(service.maxUploadBytes) };
  app.use((c, next) => {
    if (c.req.raw.body && !c.req.raw.headers.has("content-length")) c.req.raw = ownRequest(c.req.raw);
    const counted = limits[c.req.path === "/v1/upload" ? "upload" : "json"];
    // what routes throw does not come by here: it is an answer already
    return readBody(c.req.raw, `${c.req.method} ${c.req.path}`, () => counted(c, next));
  });
  for (const route of routes) mount(app, route, settings);
  const mcp = { memory: service.memory, sessions: new McpSessions() };
  app.all("/mcp", (c) => {
    const signal = AbortSignal.any([c.req.raw.signal, settings.stopping]);
    return named(c, "/mcp", answerMcp(mcp, c.req.raw, signal));
  });
  app.get("/openapi.json", (c) => {
    c.set("route", "/openapi.json");
    return c.json(openApi(routes, { version, secured: settings.guard().token !== undefined }));
  });
  refuseOtherMethods(app, routes);
  app.get(
    "*",
    async (c) => consoleAnswer(await settings.consoleFiles(), c.req.path, c.req.raw) ?? notFound(c),
  );
  app.notFound((c) => notFound(c));
  app.onError((error, c) => {
    if (!(error instanceof MnemeError)) settings.onError(error, c.get("requestId"));
    return problem(error, c.get("requestId"));
  });
  return app;
}

/** Every endpoint, in the order of the document. */
function allRoutes(service: Service): Route[] {
  return [
    ...searchRoutes(service),
    ...findRoutes(service),
    ...locateRoutes(service),
    ...facetRoutes(service),
    ...itemRoutes(service),
    ...uploadRoutes(service),
    ...forgetRoutes(service),
    ...describeRoutes(service),
    ...embeddingRoutes(service),
    ...chatRoutes(service),
    ...completionRoutes(service),
  ];
}

/** The console's own files and health are open: they hold nothing of the library. */
function isOpen(routes: readonly Route[], path: string): boolean {
  if (routes.some(({ spec }) => spec.open && spec.path === path)) return true;
  return !path.startsWith("/v1/") && path !== "/metrics" && path !== "/mcp" && path !== "/openapi.json";
}

/** Lets pages of the allowed origins read answers, and answers their preflights, which carry no token. */
function shared({ guard }: AppSettings): ReturnType<typeof cors> {
  const allow = cors({
    origin: (origin) => (guard().allowedOrigins?.includes(origin) ? origin : null),
    // whichever headers they ask for: clients of OpenAI's API send a dozen of their own
    allowMethods: ["GET", "HEAD", "POST", "DELETE"],
    exposeHeaders: [
      "accept-ranges",
      "content-range",
      "etag",
      "mcp-session-id",
      "retry-after",
      "x-request-id",
    ],
    maxAge: 600,
  });
  return async (c, next) => (guard().allowedOrigins?.length ? allow(c, next) : next());
}

function measured({
  service,
  stopping,
}: AppSettings): (c: Context<{ Variables: Variables }>, next: () => Promise<void>) => Promise<void> {
  return async (c, next) => {
    const given = c.req.header("x-request-id");
    c.set("requestId", given && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID());
    c.set("route", "other");
    const started = performance.now();
    if (stopping.aborted) throw new MnemeError("DISPOSED", "the server is stopping; try again in a moment");
    await next();
    const seconds = (performance.now() - started) / 1000;
    service.metrics.observe(c.req.method, c.get("route"), c.res.status, seconds);
    c.header("x-request-id", c.get("requestId"));
    c.header("x-content-type-options", "nosniff");
    c.header("referrer-policy", "no-referrer");
    c.header("cross-origin-resource-policy", "same-origin");
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  };
}

/**
 * A body of unknown length is counted by the limit and put into a request anew, which the runtime's own `Request` does only from one of its
 * kind, not from the adapter's stand-in for a socket's request.
 */
function ownRequest({ url, method, headers, body, signal }: Request): Request {
  return new Request(url, { method, headers, body, signal, duplex: "half" } as RequestInit);
}

function limit(maxSize: number): ReturnType<typeof bodyLimit> {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new MnemeError("RANGE", `the body is larger than ${maxSize} bytes; send less at a time`, {
        details: { status: 413, limit: maxSize },
      });
    },
  });
}

/** Ids may hold slashes, so the last parameter of a path takes the rest of it. */
function pattern(path: string): string {
  return path.replace(/\{(\w+)\}$/, ":$1{.+}").replace(/\{(\w+)\}/g, ":$1");
}

function mount(app: App, { spec, answer }: Route, { stopping, onError }: AppSettings): void {
  app.on(spec.method.toUpperCase(), pattern(spec.path), (c) => {
    const request = c.req.raw;
    const requestId = c.get("requestId");
    const left = new AbortController();
    const signal = AbortSignal.any([request.signal, left.signal, stopping]);
    const problemOf = (error: unknown): ProblemBody => {
      if (!(error instanceof MnemeError)) onError(error, requestId);
      return problemBody(error, requestId);
    };
    const ends = { stop: () => left.abort(), problemOf };
    return named(c, spec.path, answer({ params: c.req.param(), request, signal, ends }));
  });
}

function named(
  c: Context<{ Variables: Variables }>,
  route: string,
  response: Promise<Response>,
): Promise<Response> {
  c.set("route", route);
  return response;
}

function refuseOtherMethods(app: App, routes: readonly Route[]): void {
  for (const path of new Set(routes.map(({ spec }) => spec.path))) {
    const methods = routes
      .filter(({ spec }) => spec.path === path)
      .map(({ spec }) => spec.method.toUpperCase());
    app.all(pattern(path), (c) => {
      const message = `${c.req.method} ${path}: this path takes ${methods.join(", ")}`;
      const details = { methods, status: 405 };
      const response = problem(new MnemeError("UNSUPPORTED", message, { details }), c.get("requestId"));
      response.headers.set("allow", methods.join(", "));
      return response;
    });
  }
}

function notFound(c: Context<{ Variables: Variables }>): Response {
  const message = `${c.req.method} ${c.req.path}: no such path; /openapi.json lists them`;
  return problem(new MnemeError("NOT_FOUND", message), c.get("requestId"));
}
