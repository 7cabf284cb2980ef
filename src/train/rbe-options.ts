/** What every training of recurrent binary embeddings is told. */
import type { TrainDevice } from "./jax.ts";

export interface RbeRunOptions {
  /** Name of the code, which its coder keeps: codes of other names are refused. */
  readonly version: string;
  readonly steps?: number;
  /** The highest rate. */
  readonly rate?: number;
  /** Queries of a batch. */
  readonly batch?: number;
  /** What cosines are divided by. */
  readonly temperature?: number;
  readonly seed?: number;
  /** What computes; default "wasm". */
  readonly device?: TrainDevice;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: {
    readonly step: number;
    readonly steps: number;
    readonly loss: number;
  }) => void;
}
