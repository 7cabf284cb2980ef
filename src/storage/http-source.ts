/**
 * A file on a web server that answers range requests (any static host): a snapshot, a model. Each read is one request; who reads keeps
 * what it read. Works in browsers; across origins the server must allow them (CORS).
 */
import { MnemeError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";

export interface HttpSourceOptions {
  /** Extra headers, e.g. authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default: the platform's fetch. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** @throws MnemeError NOT_FOUND (404), FORBIDDEN (401, 403), NETWORK: unreachable, no range support, or a wrong answer */
export async function httpSource(url: string | URL, options: HttpSourceOptions = {}): Promise<ByteSource> {
  const source = new HttpSource(String(url), options);
  await source.probe();
  return source;
}

class HttpSource implements ByteSource {
  readonly location: string;
  readonly tier = "remote";
  size = 0;
  /** ETag or Last-Modified of the first answer: later answers must be of the same file. */
  #validator = "";
  readonly #options: HttpSourceOptions;

  constructor(url: string, options: HttpSourceOptions) {
    this.location = url;
    this.#options = options;
  }

  async probe(): Promise<void> {
    const response = await this.#request(0, 1);
    this.#validator = validatorOf(response);
    await this.#body(response);
    const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    this.size = total === undefined ? await this.#sizeByHead() : Number(total);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const response = await this.#request(offset, length);
    if (validatorOf(response) !== this.#validator)
      throw this.#network("the file changed on the server; open it again");
    const range = response.headers.get("content-range");
    if (range !== null && !range.startsWith(`bytes ${offset}-${offset + length - 1}/`))
      throw this.#network(`asked for bytes ${offset}-${offset + length - 1}, the server answered "${range}"`);
    const bytes = await this.#body(response);
    if (bytes.length !== length)
      throw this.#network(`asked for ${length} bytes at ${offset}, the server sent ${bytes.length}`);
    return bytes;
  }

  close(): void {}

  /** Browsers hide Content-Range of other origins unless the server exposes it; Content-Length is always visible. */
  async #sizeByHead(): Promise<number> {
    const response = await this.#fetch({ method: "HEAD" });
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    if (response.ok && Number.isSafeInteger(length) && length > 0) return length;
    throw this.#network(
      "the server does not tell the file's size (neither Content-Range nor Content-Length)",
    );
  }

  async #request(offset: number, length: number): Promise<Response> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    const sameFile = mayNameVersion(this.location, this.#validator) ? { "if-range": this.#validator } : {};
    const response = await this.#fetch({ headers: { range, ...sameFile } });
    if (response.status === 206) return response;
    await response.body?.cancel().catch(() => {});
    const details = { status: response.status };
    const refused = `open ${this.location}: the server answers ${response.status}`;
    if (response.status === 404) throw new MnemeError("NOT_FOUND", refused, { details });
    if (response.status === 401 || response.status === 403)
      throw new MnemeError("FORBIDDEN", refused, { details });
    if (response.status === 200 && "if-range" in sameFile)
      throw this.#network("the file changed on the server; open it again");
    if (response.status === 200)
      throw this.#network(
        "the server ignores range requests (answered 200); use a host that supports them, or download the file",
      );
    if (response.status === 416)
      throw this.#network("the server answers 416: the file is empty or became shorter");
    throw this.#network(`the server answers ${response.status}`);
  }

  async #fetch(init: RequestInit): Promise<Response> {
    const { signal, headers, fetch = globalThis.fetch } = this.#options;
    try {
      return await fetch(this.location, {
        ...init,
        headers: { ...headers, ...(init.headers as Record<string, string> | undefined) },
        ...(signal && { signal }),
      });
    } catch (cause) {
      if (signal?.aborted)
        throw new MnemeError("CANCELLED", `read ${this.location}: cancelled by its signal`, { cause });
      throw this.#network("cannot be reached", cause);
    }
  }

  async #body(response: Response): Promise<Uint8Array> {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw this.#network("the answer broke off", cause);
    }
  }

  #network(what: string, cause?: unknown): MnemeError {
    return new MnemeError("NETWORK", `read ${this.location}: ${what}`, { cause });
  }
}

/**
 * A server that keeps versions of a file goes on with the one that If-Range names. Weak tags may not stand there; nor is it sent across
 * origins by a browser, which would have to ask the server for leave first.
 */
function mayNameVersion(location: string, validator: string): boolean {
  const page = (globalThis as { location?: { origin?: string } }).location?.origin;
  return validator.startsWith('"') && (page === undefined || new URL(location).origin === page);
}

function validatorOf(response: Response): string {
  return response.headers.get("etag") ?? response.headers.get("last-modified") ?? "";
}
