/**
 * Who may talk to the server. With a token: a bearer of it. Without one: only programs and pages of this machine, so the Host
 * header must name it (against DNS rebinding) and a browser's request must come from the console's own origin.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { MnemeError } from "../errors.ts";

export interface GuardOptions {
  readonly token?: string;
  /** Further host names that may stand in the Host header when there is no token. */
  readonly allowedHosts?: readonly string[];
  /** Origins of other pages that may call the API, e.g. "http://localhost:5173". */
  readonly allowedOrigins?: readonly string[];
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, "").toLowerCase();
  return (
    name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127(\.\d{1,3}){3}$/.test(name)
  );
}

/** @throws MnemeError ARGUMENT when `host` is reachable from the network and there is no usable token. */
export function assertMayListen(host: string, token: string | undefined): void {
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new MnemeError(
      "ARGUMENT",
      "listen: the token must be printable ASCII without spaces, at least 1 character",
    );
  }
  if (isLoopback(host) || token !== undefined) return;
  throw new MnemeError(
    "ARGUMENT",
    `listen: ${host} can be reached from the network, so a token is needed: pass token (--token or MNEME_TOKEN), or listen on 127.0.0.1`,
    { details: { host } },
  );
}

/** Checks one request. `open` paths (the console's files, health) need no token. @throws MnemeError FORBIDDEN */
export function admit(request: Request, open: boolean, options: GuardOptions): void {
  const host = (request.headers.get("host") ?? new URL(request.url).host).toLowerCase();
  if (options.token === undefined) checkHost(host, options.allowedHosts ?? []);
  if (!open) checkSite(request, host, options.allowedOrigins ?? []);
  if (!open && options.token !== undefined) checkBearer(request.headers.get("authorization"), options.token);
}

function checkHost(host: string, allowed: readonly string[]): void {
  const name = host.replace(/:\d+$/, "");
  const isAllowed = allowed.some((one) => [name, host].includes(one.toLowerCase()));
  if (isLoopback(name) || isAllowed) return;
  throw new MnemeError(
    "FORBIDDEN",
    `this server answers only under names of its own machine, not ${JSON.stringify(host)}; use http://localhost, or start it with a token`,
  );
}

function checkSite(request: Request, host: string, allowed: readonly string[]): void {
  const origin = request.headers.get("origin");
  if (origin !== null && allowed.includes(origin)) return;
  const site = request.headers.get("sec-fetch-site");
  const foreign = site !== null && site !== "same-origin" && site !== "none";
  if (!foreign && (origin === null || hostOf(origin) === host)) return;
  throw new MnemeError(
    "FORBIDDEN",
    `requests from pages of another site are refused (origin ${origin ?? "unknown"}); call the API from the console, a program, or an allowed origin`,
  );
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function checkBearer(header: string | null, token: string): void {
  const given = /^Bearer +(\S+) *$/i.exec(header ?? "")?.[1];
  if (given !== undefined && equalInConstantTime(given, token)) return;
  throw new MnemeError(
    "FORBIDDEN",
    given === undefined
      ? "a token is needed: send the header Authorization: Bearer <token>"
      : "the token is wrong; it is the one given to the server at start",
    { details: { status: 401 } },
  );
}

/** Hashing first makes the lengths equal, so that time tells neither content nor length. */
function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
