/** The configuration of a model of the hub, out of config.json or the headers of its GGUF file alone: no weights come. */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { isMnemeError, MnemeError } from "../errors.ts";
import { ggufHeaders } from "../weights/gguf-source.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { configOf, type ModelConfig } from "./config.ts";
import { ggufModelConfig } from "./gguf-config.ts";
import { cachedModel, chosenFiles, type HubOptions, isOffline, parseHubName, Remote } from "./hub.ts";

const CONFIG = "config.json";

/**
 * @param name "hf:owner/name[/file.gguf][@revision]". Where the hub may not be asked, or does not answer, out of the cache.
 * @throws MnemeError as `load` does of such a name
 */
export async function hubConfig(name: string, options: HubOptions): Promise<ModelConfig> {
  const wanted = parseHubName(name);
  if (isOffline(options)) return cachedConfig(name, options);
  const remote = new Remote(name, wanted, options);
  let commit: string;
  try {
    commit = await remote.commit();
  } catch (error) {
    if (!isMnemeError(error, "NETWORK")) throw error;
    // what is not there either is told as what is wrong with the hub
    return cachedConfig(name, options).catch(() => Promise.reject(error));
  }
  const listed = await remote.list(commit, wanted.file === undefined ? "" : posix.dirname(wanted.file));
  const paths = chosenFiles(name, wanted, [...listed.keys()], undefined);
  const missing = paths.find((path) => !listed.has(path));
  if (missing !== undefined)
    throw new MnemeError("NOT_FOUND", `load ${name}: the hub has no ${missing} at ${wanted.revision}`);
  if (!paths[0]!.endsWith(".gguf") && paths.some((path) => path.endsWith(".safetensors")))
    return configOf(await jsonOf(name, remote, commit), `${name}: ${CONFIG}`);
  const shards = await Promise.all(paths.map((path) => remote.source(commit, path)));
  const { metadata, names } = await ggufHeaders(shards);
  return ggufModelConfig(metadata, (tensor) => names.has(tensor), name);
}

async function cachedConfig(name: string, options: HubOptions): Promise<ModelConfig> {
  const path = cachedModel(name, options);
  if (!existsSync(path)) throw new MnemeError("NOT_FOUND", `load ${name}: ${path} is not there`);
  using checkpoint = await openCheckpoint(path);
  return checkpoint.config;
}

async function jsonOf(name: string, remote: Remote, commit: string): Promise<unknown> {
  const text = await remote.text(commit, CONFIG);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MnemeError(
      "FORMAT",
      `load ${name}: its ${CONFIG} is not JSON; is the model whole on the hub?`,
      {
        cause,
      },
    );
  }
}
