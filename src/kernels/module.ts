/** The WebAssembly module: decoded, compiled, instantiated over one memory. */
import { hasRelaxedSimd } from "./relaxed-simd.ts";
import { wasmBase64 as plain } from "./wasm/generated/plain.ts";
import { wasmBase64 as relaxed } from "./wasm/generated/relaxed.ts";
import { wasmBase64 as shared } from "./wasm/generated/shared.ts";

/** Exports of wasm/assembly/index.ts: pointers and counts are numbers. */
export type WasmKernels = Record<KernelName, (...args: number[]) => number>;

export const KERNEL_NAMES = [
  "dotF32",
  "l2F32",
  "dotI8",
  "l2I8",
  "dotF32I8",
  "distancesI8",
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
  "completePostings",
  "rankPostings",
  "scanOneBit",
  "linearI8",
  "linearU4",
  "linearB16",
  "linearBytes",
  "widenActivations",
  "runProgram",
  "dotsOfEight",
  "sumsOfEight",
  "placeQ8",
  "placeQ4",
  "encodePage",
  "gatherSlots",
  "putRows",
  "readPages",
  "scanTables",
  "scanScaledTables",
  "scanLevels",
  "nearestF32",
  "sumTablesF32",
  "halfDistancesF32",
  "encodeGraphRows",
  "searchGraph",
  "scoreGraphRows",
  "insertGraphRows",
  "linkGraphRows",
  "bridgeGraphRows",
  "forwardFft",
  "inverseFft",
  "multiplySpectra",
  "twiddleBytes",
  "addRounded",
  "countPairs",
  "indicateSymbols",
  "matchBytes",
  "matchHalves",
  "matchWords",
  "mismatchesAt",
  "scanMismatches",
  "maxSimI8",
  "searchCells",
  "searchCellSlots",
  "scoreFineRows",
  "inflateRaw",
  "inflateStateBytes",
  "nearTerms",
] as const;

export type KernelName = (typeof KERNEL_NAMES)[number];

const INITIAL_PAGES = 16;
const MAX_PAGES = 65_536;

export interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly exports: WasmKernels;
  /** Whether `linearBytes` can be called. */
  readonly isRelaxed: boolean;
}

/** Shared memory where the platform has it (Node; cross-origin isolated pages), plain memory elsewhere. Compiles synchronously. */
export function instantiate(): Instance {
  const threads = typeof SharedArrayBuffer !== "undefined" && (globalThis.crossOriginIsolated ?? true);
  const isRelaxed = threads && hasRelaxedSimd();
  const bytes = decode(threads ? (isRelaxed ? relaxed : shared) : plain);
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const memory = new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: MAX_PAGES,
    ...(threads ? { shared: true } : {}),
  });
  return { memory, module, exports: link(module, memory), isRelaxed };
}

/** Instantiates over given memory: a worker's part. */
export function link(module: WebAssembly.Module, memory: WebAssembly.Memory): WasmKernels {
  const abort = (): never => {
    throw new Error("kernel aborted");
  };
  const env = { memory, abort, nap: napper() };
  return new WebAssembly.Instance(module, { env }).exports as unknown as WasmKernels;
}

const NAP_MS = 0.05;

/** Sleeps a moment, where the platform lets this thread. `memory.atomic.wait32` of the kernels' own was seen not to come back (V8 11.3). */
function napper(): () => void {
  if (typeof SharedArrayBuffer === "undefined") return () => {};
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  return () => {
    Atomics.wait(nothing, 0, 0, NAP_MS);
  };
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
