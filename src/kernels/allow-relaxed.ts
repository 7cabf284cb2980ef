/** Relaxed SIMD on Node 20, which has it behind a switch that can still be turned while it runs. For programs of their own, not for libraries. */
import { setFlagsFromString } from "node:v8";
import { hasRelaxedSimd } from "./relaxed-simd.ts";

/** Before the kernels are first used. @returns whether the platform has relaxed SIMD now */
export function allowRelaxedSimd(): boolean {
  if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
  return hasRelaxedSimd();
}
