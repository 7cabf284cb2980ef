/** Hypercube: documents filed under labels in several dimensions. */
export { type Component, decompose } from "./components.ts";
export { CubeIndex, type LabelCount, type Labels } from "./cube-index.ts";
export { buildCube, mergeCubes } from "./cube-kind.ts";
export {
  EVIDENCE_KINDS,
  type EvidenceKind,
  type EvidenceScale,
  evidenceOf,
  evidenceScale,
  evidenceSize,
  plainEvidence,
} from "./evidence.ts";
export { ALIAS, aliasDefaults, aliases } from "./extract/aliases.ts";
export { type About, dimensionsOf, type Extractor, extractAll } from "./extract/extractor.ts";
export { field, types } from "./extract/fields.ts";
export { gazetteer } from "./extract/gazetteer.ts";
export { NAME_DIMENSIONS, type NameDimension, names } from "./extract/names.ts";
export { dates, pattern, quantities } from "./extract/patterns.ts";
export {
  isStandard,
  STANDARD_DIMENSIONS,
  type StandardDimension,
  standard,
} from "./extract/standard.ts";
export { THEME, themeDefaults, themes, WORD } from "./extract/themes.ts";
export { isNumeric, LABEL_VERSION, labelKey } from "./label.ts";
export { type EmbedLabels, LabelVectors, type SimilarLabel } from "./label-vectors.ts";
export { CUBE_VERSION, cubeParts, restoreCube } from "./parts.ts";
export {
  type CubeAnswer,
  type CubeHit,
  type CubeReason,
  type CubeSearch,
  cubeSearchDefaults,
  searchCube,
} from "./search-cube.ts";
export { SegmentedCube } from "./segmented-cube.ts";
export type { CubeView } from "./view.ts";
