/** The WebAssembly module: decoded, compiled, instantiated over one memory. */
import { wasmBase64 as plain } from "./wasm/generated/plain.ts";
import { wasmBase64 as shared } from "./wasm/generated/shared.ts";

/** Exports of wasm/assembly/index.ts: pointers and counts are numbers. */
export type WasmKernels = Record<KernelName, (...args: number[]) => number>;

export const KERNEL_NAMES = [
  "dotF32",
  "l2F32",
  "dotI8",
  "l2I8",
  "dotF32I8",
  "dotF32U4",
  "hamming",
  "binaryDot4",
  "finishOneBit",
  "matmulF32",
  "matmulTransposedF32",
  "fwhtF32",
  "normalizeF32",
  "dequantI8",
  "dequantU4",
  "gatherSumI8",
  "selectAbove",
  "foldAscii",
  "classify",
  "scanWords",
  "scanPieces",
  "findNotFinite",
  "scaleColumnsF32",
  "encodeOneBit",
  "encodeI8",
  "mergePairs",
  "sumBytes",
  "openPostings",
  "boundPostings",
  "accumulatePostings",
  "completePostings",
  "collectSums",
  "keepScores",
  "kthScore",
  "restrictRows",
  "scanOneBit",
  "linearI8",
  "linearU4",
  "linearB16",
  "widenActivations",
  "runProgram",
  "placeQ8",
  "placeQ4",
] as const;

export type KernelName = (typeof KERNEL_NAMES)[number];

const INITIAL_PAGES = 16;
const MAX_PAGES = 65_536;

export interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly exports: WasmKernels;
}

/** Shared memory where the platform has it (Node; cross-origin isolated pages), plain memory elsewhere. Compiles synchronously: 5 KB. */
export function instantiate(): Instance {
  const threads = typeof SharedArrayBuffer !== "undefined" && (globalThis.crossOriginIsolated ?? true);
  const module = new WebAssembly.Module(decode(threads ? shared : plain) as Uint8Array<ArrayBuffer>);
  const memory = new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: MAX_PAGES,
    ...(threads ? { shared: true } : {}),
  });
  return { memory, module, exports: link(module, memory) };
}

/** Instantiates over given memory: a worker's part. */
export function link(module: WebAssembly.Module, memory: WebAssembly.Memory): WasmKernels {
  const abort = (): never => {
    throw new Error("kernel aborted");
  };
  return new WebAssembly.Instance(module, { env: { memory, abort } }).exports as unknown as WasmKernels;
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
