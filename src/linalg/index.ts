/** Linear algebra for codecs and indexes. */
export { type Moments, meanOf, moments } from "./covariance.ts";
export { type Eigen, symmetricEigen } from "./eigen.ts";
export { type Clusters, type KMeansOptions, kMeans } from "./k-means.ts";
export { type Matrix, matrix, rowOf, rowsOf } from "./matrix.ts";
export { principalSpan } from "./principal.ts";
export { Random } from "./random.ts";
export { HadamardRotation } from "./rotation.ts";
export { type Svd, thinSvd } from "./svd.ts";
