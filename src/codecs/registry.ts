/** Codecs by name: a recipe such as "pca128>rabitq1" becomes a Codec, serialised coders come back to life. */
import { MnemeError } from "../errors.ts";
import type { Codec, Coder } from "./codec.ts";
import { compose, composed, type Transform, type TransformCodec } from "./compose.ts";
import { f32, f32Coder } from "./f32.ts";
import { int4, int4Coder } from "./int4.ts";
import { int8, int8Coder } from "./int8.ts";
import { itq } from "./itq.ts";
import { type PcaOptions, pca, pcaTransform } from "./pca.ts";
import { type PqOptions, pq, restorePq } from "./pq.ts";
import { RabitqCoder, rabitq } from "./rabitq.ts";
import { type RbeOptions, rbe, restoreRbe } from "./rbe.ts";
import { rotate, rotation } from "./rotate.ts";
import type { RotationKind } from "./row-rotation.ts";
import { type RqOptions, restoreRq, rq } from "./rq.ts";
import { asFloats, deserialize, type SerialHeader } from "./serial.ts";
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

type CodecFamily = (typeof CODEC_FAMILIES)[number];
type TransformFamily = (typeof TRANSFORM_FAMILIES)[number];

interface CodecEntry {
  readonly make: (number: number, id: IdParts) => Codec;
  readonly restore: (header: SerialHeader, arrays: readonly Uint8Array[]) => Coder;
}

const codecs: Record<CodecFamily, CodecEntry> = {
  f32: { make: () => f32(), restore: ({ dim }) => f32Coder(dim) },
  int8: { make: () => int8(), restore: ({ dim }) => int8Coder(dim) },
  "int4-g": { make: (group) => int4({ group }), restore: ({ dim, group }) => int4Coder(dim, Number(group)) },
  rabitq: {
    make: (bits) => rabitq({ bits }),
    restore: ({ dim, bits, seed }) => new RabitqCoder(dim, Number(bits), Number(seed)),
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
  sign: { make: () => sign(), restore: ({ dim, scale }) => signCoder(dim, Number(scale), false) },
  "sign-hamming": {
    make: () => sign({ hamming: true }),
    restore: ({ dim, scale }) => signCoder(dim, Number(scale), true),
  },
};

interface TransformEntry {
  readonly make: (number: number, variant: string) => TransformCodec;
  readonly restore: (header: SerialHeader, arrays: readonly Uint8Array[]) => Transform;
}

const transforms: Record<TransformFamily, TransformEntry> = {
  truncate: { make: (dim) => truncate({ dim }), restore: ({ dim, to }) => truncation(dim, Number(to)) },
  rotate: { make: () => rotate(), restore: ({ dim, seed }) => rotation(dim, Number(seed)) },
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
  const entry = codecs[family as CodecFamily];
  if (!entry) throw unknown(recipe, last, CODEC_FAMILIES);
  return steps.reduceRight<Codec>(
    (codec, step) => {
      const { family: name, number: value, variant } = partsOf(step);
      const transform = transforms[name as TransformFamily];
      if (!transform) throw unknown(recipe, step, TRANSFORM_FAMILIES);
      return compose(transform.make(value, variant), codec);
    },
    entry.make(number, id),
  );
}

/** The inverse of `Coder.serialize`. @throws MnemeError CORRUPT, VERSION for a codec that this build does not know. */
export function restoreCoder(bytes: Uint8Array): Coder {
  const { header, arrays } = deserialize(bytes);
  if (header.id.includes(">")) return composed(restoreTransform(arrays[0]!), restoreCoder(arrays[1]!));
  const entry = codecs[partsOf(header.id).family as CodecFamily];
  if (!entry)
    throw new MnemeError(
      "VERSION",
      `coder: codec ${JSON.stringify(header.id)} is not known to this build; use the version that wrote it`,
    );
  return entry.restore(header, arrays);
}

function restoreTransform(bytes: Uint8Array): Transform {
  const { header, arrays } = deserialize(bytes);
  const entry = transforms[partsOf(header.id).family as TransformFamily];
  if (!entry)
    throw new MnemeError(
      "VERSION",
      `coder: transform ${JSON.stringify(header.id)} is not known to this build`,
    );
  return entry.restore(header, arrays);
}

function restoreProjection(
  { id, dim, to, whiten, totalVariance }: SerialHeader,
  arrays: readonly Uint8Array[],
): Transform {
  const [mean, components, inverse, variances] = arrays.map(asFloats) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  return pcaTransform(id, {
    from: dim,
    to: Number(to),
    whiten: whiten === true,
    totalVariance: Number(totalVariance),
    mean,
    components,
    inverse,
    variances,
  });
}

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
