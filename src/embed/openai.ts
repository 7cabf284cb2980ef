/** Vectors from any OpenAI-compatible /v1/embeddings endpoint. */
import { MnemeError, throwIfAborted } from "../errors.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix } from "../linalg/matrix.ts";
import type { Embedder, EmbedOptions, Space } from "./embedder.ts";
import { pause, retryAfterMs } from "./retry.ts";

export interface OpenAiOptions {
  /** Up to and with the version, e.g. "http://127.0.0.1:8080/v1". */
  readonly baseURL: string;
  readonly model: string;
  readonly apiKey?: string;
  /** Asked for as `dimensions` and checked; default: what the endpoint gives. */
  readonly dim?: number;
  readonly batch?: number;
  /** Tries after 429, 5xx or a broken connection; each waits as long as the answer's Retry-After says, or twice the wait before. */
  readonly retries?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export const openAiDefaults = { batch: 64, retries: 4 } as const;

const FIRST_WAIT_MS = 250;
/** Of an error's body, for the message. */
const BODY_SHOWN = 200;

/** Asks for one vector to learn the dimension. @throws MnemeError NETWORK, DIMENSION. Its `embed` throws CANCELLED when its signal fires. */
export async function openaiEmbedder(options: OpenAiOptions): Promise<Embedder> {
  const probe = await request(options, ["dimension"], undefined);
  const dim = probe[0]!.length;
  if (options.dim !== undefined && options.dim !== dim) {
    throw new MnemeError(
      "DIMENSION",
      `${options.model}: asked for ${options.dim} values, the endpoint gives ${dim}; leave dim out or ask for ${dim}`,
    );
  }
  const space: Space = {
    model: options.model,
    revision: new URL(options.baseURL).host,
    pooling: "external",
    dim,
    normalized: true,
  };
  const { origin, pathname } = new URL(options.baseURL);
  return {
    space,
    bytes: 0,
    origin: {
      kind: "openai",
      baseURL: origin + pathname.replace(/\/$/, ""),
      model: options.model,
      ...(options.dim === undefined ? {} : { dim }),
    },
    embed: (texts, embedOptions) => embedAll(options, dim, texts, embedOptions),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function embedAll(
  options: OpenAiOptions,
  dim: number,
  texts: readonly string[],
  embedOptions: EmbedOptions = {},
): Promise<Matrix> {
  const out = matrix(texts.length, dim);
  const batch = options.batch ?? openAiDefaults.batch;
  for (let at = 0; at < texts.length; at += batch) {
    throwIfAborted(embedOptions.signal, "embed");
    const vectors = await request(options, texts.slice(at, at + batch), embedOptions.signal);
    vectors.forEach((vector, i) => {
      if (vector.length !== dim || vector.some((value) => !Number.isFinite(value))) {
        throw new MnemeError(
          "NETWORK",
          `${options.model}: vector ${at + i} has ${vector.length} values or one that is not finite, expected ${dim}`,
        );
      }
      out.data.set(vector, (at + i) * dim);
    });
  }
  kernels().normalizeF32(out.data, dim);
  return out;
}

async function request(
  options: OpenAiOptions,
  input: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const retries = options.retries ?? openAiDefaults.retries;
  for (let tried = 0; ; tried++) {
    const outcome = await once(options, input, signal);
    if (Array.isArray(outcome)) return outcome;
    if (!outcome.again || tried >= retries) throw outcome.error;
    await pause(outcome.waitMs ?? FIRST_WAIT_MS * 2 ** tried, signal);
    throwIfAborted(signal, "embed");
  }
}

interface Failure {
  readonly error: MnemeError;
  readonly again: boolean;
  /** What the endpoint asks for. */
  readonly waitMs?: number | undefined;
}

async function once(
  { baseURL, model, apiKey, dim, headers }: OpenAiOptions,
  input: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Float32Array[] | Failure> {
  const url = `${baseURL.replace(/\/$/, "")}/embeddings`;
  const fail = (why: string, again: boolean, cause?: unknown): Failure => ({
    error: new MnemeError("NETWORK", `${url}: ${why}`, { cause }),
    again,
  });
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}),
        ...headers,
      },
      body: JSON.stringify({
        model,
        input,
        encoding_format: "float",
        ...(dim === undefined ? {} : { dimensions: dim }),
      }),
      ...(signal ? { signal } : {}),
    });
    body = await response.text();
  } catch (cause) {
    throwIfAborted(signal, "embed");
    return fail("no connection; is the server running?", true, cause);
  }
  if (!response.ok) {
    const why = `HTTP ${response.status}: ${body.slice(0, BODY_SHOWN)}`;
    const waitMs = retryAfterMs(response.headers.get("retry-after"), Date.now());
    return { ...fail(why, response.status === 429 || response.status >= 500), waitMs };
  }
  try {
    const { data } = JSON.parse(body) as { data: { index?: number; embedding: number[] | string }[] };
    if (data.length !== input.length) return fail(`${data.length} vectors for ${input.length} texts`, false);
    const ordered = [...data].sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
    return ordered.map(({ embedding }) =>
      typeof embedding === "string" ? fromBase64(embedding) : Float32Array.from(embedding),
    );
  } catch (cause) {
    return fail(`an answer that is not of the embeddings API: ${body.slice(0, BODY_SHOWN)}`, false, cause);
  }
}

function fromBase64(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
}
