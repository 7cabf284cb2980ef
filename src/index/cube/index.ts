/** Hypercube: documents filed under labels in several dimensions. */
export { type Component, decompose } from "./components.ts";
export { CubeIndex, type LabelCount, type Labels } from "./cube-index.ts";
export { dimensionsOf, type Extractor, extractAll } from "./extract/extractor.ts";
export { gazetteer } from "./extract/gazetteer.ts";
export { NAME_DIMENSIONS, type NameDimension, names } from "./extract/names.ts";
export { dates, pattern, quantities } from "./extract/patterns.ts";
export { themeDefaults, themes } from "./extract/themes.ts";
export { isNumeric, labelKey } from "./label.ts";
export { type EmbedLabels, LabelVectors, type SimilarLabel } from "./label-vectors.ts";
export { CUBE_VERSION, cubeParts, restoreCube } from "./parts.ts";
export {
  type CubeAnswer,
  type CubeHit,
  type CubeReason,
  type CubeSearch,
  searchCube,
} from "./search-cube.ts";
