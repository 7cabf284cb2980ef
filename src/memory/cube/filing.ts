/** Filing: how a library's items are put into a cube, from what `open` was asked and what its manifest says. */
import { MnemeError } from "../../errors.ts";
import {
  dimensionsOf,
  type Extractor,
  isStandard,
  LABEL_VERSION,
  STANDARD_DIMENSIONS,
  type StandardDimension,
  standard,
} from "../../index/cube/index.ts";
import type { ReadableStore, Store } from "../../storage/store.ts";
import { type CubeEntry, decodeManifest, encodeJson, MANIFEST_KEY, type Manifest, NS } from "../layout.ts";
import type { CubeOption } from "../types.ts";

export interface Filing {
  readonly entry: CubeEntry;
  /** Who files new items; absent where the library's own extractors were not given: then they wait for an opening that gives them. */
  readonly extractors?: readonly Extractor[];
}

/** A name of a dimension: what a command line and a URL can carry. */
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} _.-]{0,63}$/u;

/**
 * Settles how items are filed, and writes it to the manifest where that changes. Undefined: as the library is used to; true: the standard
 * dimensions; false: not in this opening.
 * @throws MnemeError ARGUMENT for dimensions that nobody fills, or names that are none
 */
export async function settleFiling(
  store: ReadableStore,
  option: CubeOption | undefined,
): Promise<Filing | undefined> {
  const asked = extractorsOf(option);
  const [bytes] = await store.getMany(NS.library, [MANIFEST_KEY]);
  if (!bytes || option === false) return undefined;
  const manifest = decodeManifest(bytes, store.location);
  const { cube: kept } = manifest;
  const extractors = asked ?? (kept && knownExtractors(kept));
  if (!extractors) return kept && { entry: kept };
  const ids = extractors.map(idOf);
  if (kept && ids.join("\n") === kept.extractors.join("\n")) return { entry: kept, extractors };
  // readers see what writers have filed
  if (!store.writable) return kept && { entry: kept };
  const entry = { id: (kept?.id ?? 0) + 1, dimensions: dimensionsOf(extractors), extractors: ids };
  const renewed: Manifest = { ...manifest, cube: entry };
  await (store as Store).batch((batch) => batch.put(NS.library, MANIFEST_KEY, encodeJson(renewed)));
  return { entry, extractors };
}

/** Labels with other keys than before are filed anew; the standard extractors' version tells of both. */
function idOf({ id, dimensions }: Extractor): string {
  const own = id ?? `own ${dimensions.join(" ")}`;
  return own.startsWith("standard ") ? own : `${own}, labels ${LABEL_VERSION}`;
}

function extractorsOf(option: CubeOption | undefined): readonly Extractor[] | undefined {
  if (option === undefined || option === false) return undefined;
  const { dimensions = STANDARD_DIMENSIONS } = option === true ? {} : option;
  const own = dimensions.filter((one) => typeof one !== "string");
  const filled = new Set(dimensionsOf(own));
  const named = dimensions.filter((one) => typeof one === "string");
  const unknown = named.find((name) => !isStandard(name) && !filled.has(name));
  if (unknown !== undefined)
    throw new MnemeError(
      "ARGUMENT",
      `open: nobody fills the dimension ${JSON.stringify(unknown)} of the cube; give an extractor that does, or one of ${STANDARD_DIMENSIONS.join(", ")}`,
    );
  const all = [...new Set([...named, ...filled])];
  const wrong = all.find((name) => !NAME.test(name));
  if (wrong !== undefined || all.length === 0)
    throw new MnemeError(
      "ARGUMENT",
      `open: ${wrong === undefined ? "a cube without dimensions" : `${JSON.stringify(wrong)} is no name of a dimension`}; use letters, digits, spaces, "_", "-" and "."`,
    );
  const rules = named.filter(isStandard);
  return rules.length > 0 ? [standard(rules), ...own] : own;
}

/** The extractors of a cube that has only standard dimensions; they can be made again, others must be given. */
function knownExtractors(entry: CubeEntry): readonly Extractor[] | undefined {
  const dimensions = standardOnly(entry);
  return dimensions && [standard(dimensions)];
}

/** Its dimensions, where a cube has only standard ones. */
export function standardOnly({ extractors }: CubeEntry): readonly StandardDimension[] | undefined {
  if (extractors.length !== 1 || !extractors[0]!.startsWith("standard ")) return undefined;
  return extractors[0]!.split(" ").filter((word): word is StandardDimension => isStandard(word));
}
