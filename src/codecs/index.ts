/** Codecs: lossy coding of rows, one interface for vectors, keys/values and weights. */
export {
  chooseDimension,
  type DimensionChoice,
  type DimensionOptions,
  type DimensionPoint,
  dimensionDefaults,
} from "./choose-dimension.ts";
export type { Codec, Coder, FitOptions, Metric, Scorer } from "./codec.ts";
export { compose, type Transform, type TransformCodec } from "./compose.ts";
export { f32 } from "./f32.ts";
export { type Int4Options, int4 } from "./int4.ts";
export { int8 } from "./int8.ts";
export { type ItqOptions, itq } from "./itq.ts";
export { explainedVariance, type PcaOptions, pca } from "./pca.ts";
export { type PqOptions, pq } from "./pq.ts";
export { type RabitqOptions, rabitq } from "./rabitq.ts";
export { RbeCoder, type RbeOptions, rbe } from "./rbe.ts";
export type { RbeBits } from "./rbe-net.ts";
export { CODEC_FAMILIES, parseCodec, restoreCoder, TRANSFORM_FAMILIES } from "./registry.ts";
export { rotate } from "./rotate.ts";
export { type RqOptions, rq, rqDefaults } from "./rq.ts";
export { type SignOptions, sign } from "./sign.ts";
export { truncate } from "./truncate.ts";
