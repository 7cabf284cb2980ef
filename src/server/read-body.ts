/** Bodies of requests: JSON in UTF-8, never compressed; one that breaks off is the client's doing and no failure of the server. */
import { isMnemeError, MnemeError } from "../errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * What `read` makes of the whole body.
 * @throws MnemeError CANCELLED where the client went away before its end, UNSUPPORTED where it is compressed, ARGUMENT where `read` fails
 */
export async function readBody<T>(
  request: Request,
  where: string,
  read: (request: Request) => Promise<T>,
): Promise<T> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw unsupported(where, "content-encoding", encoding, "it as it is");
  try {
    return await read(request);
  } catch (cause) {
    if (isMnemeError(cause)) throw cause; // more than the limit
    if (request.signal.aborted)
      throw new MnemeError("CANCELLED", `${where}: the client went away before the body's end`, { cause });
    throw new MnemeError("ARGUMENT", `${where}: the body cannot be read (${(cause as Error).message})`, {
      cause,
    });
  }
}

/** @throws MnemeError as `readBody` does; ARGUMENT for what is no JSON, or no UTF-8 */
export async function readJson(request: Request, where: string): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  // A JSON type cannot be sent across sites without a preflight, which this server never grants.
  if (!/^application\/(.+\+)?json\b/i.test(type))
    throw unsupported(where, "content-type", type, "application/json");
  const bytes = await readBody(request, where, (body) => body.arrayBuffer());
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    const what = cause instanceof SyntaxError ? `not JSON (${cause.message})` : "not UTF-8";
    throw new MnemeError("ARGUMENT", `${where}: the body is ${what}`, { cause });
  }
}

/** A media type or an encoding that is not read. */
export function unsupported(where: string, header: string, given: string, wanted: string): MnemeError {
  return new MnemeError(
    "UNSUPPORTED",
    `${where}: the body has ${header} ${JSON.stringify(given)}; send ${wanted}`,
    {
      details: { status: 415 },
    },
  );
}
