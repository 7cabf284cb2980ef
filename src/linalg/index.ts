/** Linear algebra for codecs and indexes. */
export {
  type BalancedOptions,
  type BalancedTree,
  balancedDefaults,
  balancedTree,
  type TreeNode,
} from "./balanced-tree.ts";
export {
  type Choice,
  type ConditionalLogitOptions,
  conditionalLogit,
  conditionalLogitDefaults,
  logitScore,
} from "./conditional-logit.ts";
export { type Moments, meanOf, moments } from "./covariance.ts";
export { type Eigen, symmetricEigen } from "./eigen.ts";
export { type ExchangeOptions, exchangeClusters } from "./exchange.ts";
export { type Clusters, type KMeansOptions, kMeans, sampleRows } from "./k-means.ts";
export { gatherRows, type Matrix, matrix, rowOf, rowsOf, transposed } from "./matrix.ts";
export { polarFactor } from "./polar.ts";
export { fewestDirections, principalSpan, shareWithin } from "./principal.ts";
export { type Ragged, ragged, setOf, setsOf } from "./ragged.ts";
export { Random } from "./random.ts";
export { HadamardRotation } from "./rotation.ts";
export { RowProducts } from "./row-products.ts";
export { choleskyOf, solveFactored, solvePositive } from "./solve.ts";
export { type Svd, thinSvd } from "./svd.ts";
