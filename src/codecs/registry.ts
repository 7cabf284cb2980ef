/** Codecs by name: a recipe such as "pca128>rabitq1" becomes a Codec, serialised coders come back to life. */
import { MnemeError } from "../errors.ts";
import { matrix } from "../linalg/matrix.ts";
import type { Codec, Coder } from "./codec.ts";
import { compose, composed, type Transform, type TransformCodec } from "./compose.ts";
import { f32, f32Coder } from "./f32.ts";
import { int4 } from "./int4.ts";
import { int8, int8Coder } from "./int8.ts";
import { itq } from "./itq.ts";
import { type PcaOptions, pca, pcaTransform } from "./pca.ts";
import { type PqOptions, pq, restorePq } from "./pq.ts";
import { rabitq } from "./rabitq.ts";
import { type RbeOptions, rbe, restoreRbe } from "./rbe.ts";
import { rotate, rotation } from "./rotate.ts";
import type { RotationKind } from "./row-rotation.ts";
import { type RqOptions, restoreRq, rq } from "./rq.ts";
import { asFloats, deserialize, numberOf, ofLength, type SerialHeader } from "./serial.ts";
import { sign, signCoder } from "./sign.ts";
import { truncate, truncation } from "./truncate.ts";

/** Families of codecs; a number in an id is bits, group or width. */
export const CODEC_FAMILIES = [
  "f32",
  "int8",
  "int4-g",
  "rabitq",
  "pq",
  "rq",
  "rbe",
  "sign",
  "sign-hamming",
] as const;
export const TRANSFORM_FAMILIES = ["truncate", "rotate", "pca", "itq"] as const;

/** Families whose names end in more than a number, which they check; and those that have not even one. */
const VARIED: readonly string[] = ["pq", "rq", "rbe", "pca", "itq"];
const NUMBERLESS: readonly string[] = ["f32", "int8", "sign", "sign-hamming", "rotate"];

type CodecFamily = (typeof CODEC_FAMILIES)[number];
type TransformFamily = (typeof TRANSFORM_FAMILIES)[number];

interface CodecEntry {
  readonly make: (number: number, id: IdParts) => Codec;
  readonly restore: (header: SerialHeader, arrays: readonly Uint8Array[]) => Coder;
}

const codecs: Record<CodecFamily, CodecEntry> = {
  f32: { make: () => f32(), restore: ({ dim }) => f32Coder(dim) },
  int8: { make: () => int8(), restore: ({ dim }) => int8Coder(dim) },
  "int4-g": {
    make: (group) => int4({ group }),
    restore: (header) => int4({ group: numberOf(header, "group") }).fit(matrix(0, header.dim)),
  },
  rabitq: {
    make: (bits) => rabitq({ bits }),
    restore: (header) =>
      rabitq({ bits: numberOf(header, "bits") }).fit(matrix(0, header.dim), {
        seed: numberOf(header, "seed"),
      }),
  },
  pq: {
    make: (bits, { parts, variant }) => pq({ bits, parts, ...pqVariant(variant) } as PqOptions),
    restore: (header, arrays) => restorePq(header, arrays.map(asFloats)),
  },
  rq: {
    make: (bits, { parts, variant }) => rq({ bits, parts, ...rqVariant(variant) } as RqOptions),
    restore: (header, arrays) => restoreRq(header, arrays.map(asFloats)),
  },
  rbe: {
    make: (bits, { parts, variant }) =>
      rbe({ bits, width: parts, symmetric: rbeVariant(variant) } as RbeOptions),
    restore: (header, arrays) => restoreRbe(header, arrays.map(asFloats)),
  },
  sign: {
    make: () => sign(),
    restore: (header) => signCoder(header.dim, numberOf(header, "scale"), false),
  },
  "sign-hamming": {
    make: () => sign({ hamming: true }),
    restore: (header) => signCoder(header.dim, numberOf(header, "scale"), true),
  },
};

interface TransformEntry {
  readonly make: (number: number, variant: string) => TransformCodec;
  readonly restore: (header: SerialHeader, arrays: readonly Uint8Array[]) => Transform;
}

const transforms: Record<TransformFamily, TransformEntry> = {
  truncate: {
    make: (dim) => truncate({ dim }),
    restore: (header) => truncation(header.dim, numberOf(header, "to")),
  },
  rotate: { make: () => rotate(), restore: (header) => rotation(header.dim, numberOf(header, "seed")) },
  pca: {
    make: (dim, variant) => pca({ dim, ...pcaVariant(variant) }),
    restore: restoreProjection,
  },
  itq: {
    make: (dim, variant) => itq({ dim, centre: !itqVariant(variant) }),
    restore: restoreProjection,
  },
};

/** "rabitq1", "int8", "int4-g32", "truncate256>int8", "pca128>rabitq4". @throws MnemeError ARGUMENT naming what is unknown. */
export function parseCodec(recipe: string): Codec {
  const steps = recipe.split(">").map((step) => step.trim());
  const last = steps.pop()!;
  const id = partsOf(last);
  const { family, number } = id;
  const entry = entryOf(codecs, family);
  if (!entry || hasMore(id)) throw unknown(recipe, last, CODEC_FAMILIES);
  return steps.reduceRight<Codec>(
    (codec, step) => {
      const parts = partsOf(step);
      const { number: value, variant } = parts;
      const transform = entryOf(transforms, parts.family);
      if (!transform || hasMore(parts)) throw unknown(recipe, step, TRANSFORM_FAMILIES);
      return compose(transform.make(value, variant), codec);
    },
    entry.make(number, id),
  );
}

/** The inverse of `Coder.serialize`. @throws MnemeError CORRUPT, VERSION for a codec that this build does not know. */
export function restoreCoder(bytes: Uint8Array): Coder {
  const { header, arrays } = deserialize(bytes);
  if (header.id.includes(">")) {
    const [transform, coder] = arrays;
    if (transform && coder) return joined(header, restoreTransform(transform), restoreCoder(coder));
    throw new MnemeError("CORRUPT", `coder: ${header.id} without its parts`);
  }
  const entry = entryOf(codecs, partsOf(header.id).family);
  if (!entry)
    throw new MnemeError(
      "VERSION",
      `coder: codec ${JSON.stringify(header.id)} is not known to this build; use the version that wrote it`,
    );
  return orCorrupt(header, () => entry.restore(header, arrays));
}

function restoreTransform(bytes: Uint8Array): Transform {
  const { header, arrays } = deserialize(bytes);
  const entry = entryOf(transforms, partsOf(header.id).family);
  if (!entry)
    throw new MnemeError(
      "VERSION",
      `coder: transform ${JSON.stringify(header.id)} is not known to this build`,
    );
  return orCorrupt(header, () => entry.restore(header, arrays));
}

/** A transform and what codes its rows. @throws MnemeError CORRUPT */
function joined({ id, dim }: SerialHeader, transform: Transform, coder: Coder): Coder {
  if (transform.dim === dim && transform.outDim === coder.dim) return composed(transform, coder);
  throw new MnemeError(
    "CORRUPT",
    `coder: ${id} of ${dim} values, a transform from ${transform.dim} to ${transform.outDim}, codes of ${coder.dim}`,
  );
}

/** What no recipe would make is damage where it was stored. @throws MnemeError CORRUPT */
function orCorrupt<T>({ id }: SerialHeader, restore: () => T): T {
  try {
    return restore();
  } catch (cause) {
    if (cause instanceof MnemeError && (cause.code === "CORRUPT" || cause.code === "VERSION")) throw cause;
    throw new MnemeError("CORRUPT", `coder: ${id} cannot be restored`, { cause });
  }
}

function restoreProjection(header: SerialHeader, arrays: readonly Uint8Array[]): Transform {
  const from = header.dim;
  const [mean, components, inverse, variances] = arrays.map(asFloats);
  const to = numberOf(header, "to");
  return pcaTransform(header.id, {
    from,
    to,
    whiten: header.whiten === true,
    totalVariance: numberOf(header, "totalVariance"),
    mean: ofLength(mean, from, "means"),
    components: ofLength(components, to * from, "components"),
    inverse: ofLength(inverse, from * to, "the way back"),
    variances: ofLength(variances, to, "variances"),
  });
}

/** Undefined for a family that there is none of, also where objects have something by its name. */
function entryOf<T>(entries: Readonly<Record<string, T>>, family: string): T | undefined {
  return Object.hasOwn(entries, family) ? entries[family] : undefined;
}

/** Whether a name says something that its family knows nothing of: better refused than passed over. */
const hasMore = ({ family, number, variant }: IdParts): boolean =>
  (variant !== "" && !VARIED.includes(family)) || (number > 0 && NUMBERLESS.includes(family));

interface IdParts {
  readonly family: string;
  readonly number: number;
  readonly parts: number;
  readonly variant: string;
}

/** "int4-g32" -> family "int4-g", number 32; "pq4x16-opq" -> "pq", 4, parts 16, variant "-opq"; "f32" and "int8" are whole names. */
function partsOf(id: string): IdParts {
  const none = { family: id, number: 0, parts: 0, variant: "" };
  if (id === "f32" || id === "int8") return none;
  const product = /^(pq|rq|rbe)(\d+)x(\d+)((?:-[a-z]+\d*)*)$/.exec(id);
  if (product) {
    const [, family, bits, parts, variant] = product;
    return { family: family!, number: Number(bits), parts: Number(parts), variant: variant! };
  }
  const match = /^(.*?[a-z])(\d+)([a-z]*)$/.exec(id);
  return match ? { family: match[1]!, number: Number(match[2]), parts: 0, variant: match[3]! } : none;
}

/** @throws MnemeError ARGUMENT */
function pcaVariant(variant: string): Omit<PcaOptions, "dim"> {
  if (!/^w?u?$/.test(variant))
    throw new MnemeError("ARGUMENT", `codec pca: unknown variant "${variant}"; expected w, u, wu or none`);
  return { whiten: variant.includes("w"), centre: !variant.includes("u") };
}

/** Whether queries are coded too. @throws MnemeError ARGUMENT */
function rbeVariant(variant: string): boolean {
  if (variant !== "" && variant !== "-sym")
    throw new MnemeError("ARGUMENT", `codec rbe: unknown variant "${variant}"; expected -sym or none`);
  return variant === "-sym";
}

/** Whether rows are left uncentred. @throws MnemeError ARGUMENT */
function itqVariant(variant: string): boolean {
  if (variant !== "" && variant !== "u")
    throw new MnemeError("ARGUMENT", `codec itq: unknown variant "${variant}"; expected u or none`);
  return variant === "u";
}

/** Options told by the end of an id. @throws MnemeError ARGUMENT */
function pqVariant(variant: string): Partial<PqOptions> {
  const match = /^(?:-(random|opq))?(?:-avq(\d+))?$/.exec(variant);
  if (!match)
    throw new MnemeError(
      "ARGUMENT",
      `codec pq: unknown variant "${variant}"; expected -random, -opq, -avq20 or two of them`,
    );
  const [, rotate, hundredths] = match;
  return {
    ...(rotate ? { rotate: rotate as RotationKind } : {}),
    ...(hundredths ? { threshold: Number(hundredths) / 100 } : {}),
  };
}

/** @throws MnemeError ARGUMENT */
function rqVariant(variant: string): Partial<RqOptions> {
  const match = /^(?:-beam(\d+))?$/.exec(variant);
  if (!match)
    throw new MnemeError("ARGUMENT", `codec rq: unknown variant "${variant}"; expected -beam8 or none`);
  return match[1] ? { beam: Number(match[1]) } : {};
}

function unknown(recipe: string, step: string, known: readonly string[]): MnemeError {
  return new MnemeError(
    "ARGUMENT",
    `codec ${JSON.stringify(recipe)}: unknown part ${JSON.stringify(step)}; families here: ${known.join(", ")}`,
  );
}
