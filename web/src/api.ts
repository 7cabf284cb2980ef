/** Calls to the server: JSON in and out, errors with the server's own words, the token asked for once when one is needed. */
import { type Signal, signal } from "@preact/signals";

const TOKEN_KEY = "mneme-token";

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
  }
}

/** Set while a request waits for the person to type the token; `give` resumes it. */
export const tokenWanted: Signal<
  { readonly wrong: boolean; readonly give: (token: string) => void } | undefined
> = signal(undefined);

let pendingToken: Promise<void> | undefined;

/** Takes a token from the address (#token=...), where `mneme serve` prints it, and keeps it for this tab. */
export function adoptTokenFromAddress(): void {
  const match = /^#token=([^&]+)/.exec(location.hash);
  if (!match) return;
  sessionStorage.setItem(TOKEN_KEY, decoded(match[1]!));
  history.replaceState(null, "", "#/search");
}

/** As it is where it is no encoding: then no token either, which the server says. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function authHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** Asks for the token; requests that fail together ask once. */
export function askForToken(): Promise<void> {
  pendingToken ??= new Promise<void>((resolve) => {
    const give = (token: string): void => {
      sessionStorage.setItem(TOKEN_KEY, token);
      tokenWanted.value = undefined;
      pendingToken = undefined;
      resolve();
    };
    tokenWanted.value = { wrong: sessionStorage.getItem(TOKEN_KEY) !== null, give };
  });
  return pendingToken;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly accept?: string;
}

/** Sends a request and returns the answer when it is good. @throws ApiError with the server's code and message */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const response = await fetchOrTell(path, {
    method,
    headers: {
      ...authHeaders(),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...(options.accept ? { accept: options.accept } : {}),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: options.signal ?? null,
  });
  if (response.status === 401) {
    await askForToken();
    return send(method, path, options);
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

async function fetchOrTell(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError("NETWORK", "The server does not answer. Is mneme serve still running?", 0);
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => undefined)) as
    | { error?: { code: string; message: string } }
    | undefined;
  const { code, message } = body?.error ?? {
    code: "INTERNAL",
    message: `The server answered ${response.status}.`,
  };
  return new ApiError(code, message, response.status);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send("GET", path, { signal })).json() as Promise<T>;
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return (await send("POST", path, { body, signal })).json() as Promise<T>;
}

/** Server-sent events of an answer, parsed. */
export async function* events<T>(response: Response): AsyncGenerator<T> {
  let rest = "";
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6)) as T;
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
