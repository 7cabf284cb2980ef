/** Embedders that a command line names, or that a library names by what it keeps of the one that made its vectors. */
import type { Embedder, EmbedderOrigin } from "../embed/embedder.ts";
import { laterEmbedder } from "../embed/later.ts";
import { spaceName } from "../embed/space.ts";
import { isMnemeError, MnemeError } from "../errors.ts";
import type { StoredSpace } from "../memory/types.ts";

export interface EmbedderFlags {
  readonly embedder?: string | undefined;
  readonly "embedder-url"?: string | undefined;
}

/** What an endpoint gets of the environment: set to nothing is not set. */
export const endpointOfEnvironment = (): { url: string | undefined; apiKey: string | undefined } => ({
  url: process.env.OPENAI_BASE_URL || undefined,
  apiKey: process.env.OPENAI_API_KEY || undefined,
});

/**
 * The embedder of a stored space, made when the first text comes: listing, forgetting or moving a library needs none.
 * @param isOwn false for a snapshot, which may come from anybody: texts go to the endpoint that it names only where the user names it too.
 */
export function storedEmbedder(flags: EmbedderFlags, isOwn: boolean): (stored: StoredSpace) => Embedder {
  return (stored) => laterEmbedder(stored.space, () => make(stored, flags, isOwn), stored.origin);
}

async function make(stored: StoredSpace, flags: EmbedderFlags, isOwn: boolean): Promise<Embedder> {
  const { space, origin } = stored;
  const url = flags["embedder-url"];
  const kind = flags.embedder ?? (url ? "openai" : (origin?.kind ?? kindOfEnvironment(stored)));
  if (kind === "transformers") {
    const { transformersEmbedder } = await import("../embed/transformers.ts");
    const [model = "", dtype] = space.model.split(":");
    const known = origin?.kind === kind ? origin : { model, ...(dtype ? { dtype } : {}) };
    const { revision, pooling } = space;
    return transformersEmbedder({
      ...known,
      revision,
      ...(pooling === "mean" || pooling === "cls" ? { pooling } : {}),
    });
  }
  const known = origin?.kind === "openai" ? origin : undefined;
  const { url: named } = endpointOfEnvironment();
  const baseURL = url ?? (isOwn ? known?.baseURL : undefined) ?? namedByUser(stored, named);
  if (kind !== "openai" || !baseURL) throw unnamed(stored);
  const { openaiEmbedder } = await import("../embed/openai.ts");
  const apiKey = url === undefined ? keyFor(baseURL) : endpointOfEnvironment().apiKey;
  const options = {
    baseURL,
    model: known?.model ?? space.model,
    ...(known?.dim === undefined ? {} : { dim: known.dim }),
    ...(apiKey ? { apiKey } : {}),
  };
  try {
    return await openaiEmbedder(options);
  } catch (error) {
    if (!isMnemeError(error, "NETWORK")) throw error;
    throw new MnemeError("NETWORK", `${error.message}; ${adviceOn(baseURL, apiKey)}`, { cause: error });
  }
}

/** What the environment says counts for the host that the vectors are of. */
function namedByUser({ space, origin }: StoredSpace, url: string | undefined): string | undefined {
  const host = origin?.kind === "openai" ? new URL(origin.baseURL).host : space.revision;
  return url && URL.canParse(url) && new URL(url).host === host ? url : undefined;
}

function kindOfEnvironment(stored: StoredSpace): EmbedderOrigin["kind"] | undefined {
  return namedByUser(stored, endpointOfEnvironment().url) ? "openai" : undefined;
}

/** The user's key goes to whom the user named, to OpenAI and to this machine: not to any address that a library names. */
function keyFor(baseURL: string): string | undefined {
  const { url, apiKey } = endpointOfEnvironment();
  const { origin, hostname } = new URL(baseURL);
  const isTrusted =
    origin === "https://api.openai.com" ||
    ["127.0.0.1", "localhost", "[::1]"].includes(hostname) ||
    (url !== undefined && URL.canParse(url) && new URL(url).origin === origin);
  return isTrusted ? apiKey : undefined;
}

function adviceOn(baseURL: string, apiKey: string | undefined): string {
  const key = apiKey
    ? ""
    : `; if it wants a key, set OPENAI_API_KEY, and OPENAI_BASE_URL=${baseURL} for it to be sent there`;
  return `this endpoint made the library's vectors: start it, or name another address of it with --embedder-url${key}; \`mneme reembed --to bundled\` moves the library to the model in the package`;
}

function unnamed({ space, origin }: StoredSpace): MnemeError {
  const url =
    origin?.kind === "openai"
      ? origin.baseURL
      : space.pooling === "external"
        ? `http://${space.revision}/v1`
        : "http://HOST/v1";
  return new MnemeError(
    "SPACE",
    `the library's vectors are of ${spaceName(space)}; name what makes them: --embedder-url ${url} or OPENAI_BASE_URL (OPENAI_API_KEY has its key), or --embedder transformers; or move it by \`mneme reembed\``,
    { details: { space } },
  );
}
