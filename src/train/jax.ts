/** `@jax-js/jax`, an optional peer: automatic differentiation and compiled array programs. Loaded when something is trained. */
import { MnemeError } from "../errors.ts";

export type Jax = typeof import("@jax-js/jax");
/** An array of jax-js. It is moved by each use: `.ref` keeps it. */
export type Tensor = import("@jax-js/jax").Array;
/** Named weights. */
export type Weights = { [name: string]: Tensor };

let loading: Promise<Jax> | undefined;

/** The library on its WASM backend. @throws MnemeError DEPENDENCY where the package is missing */
export function loadJax(): Promise<Jax> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Jax> {
  // node 20 has no navigator, and the package asks it for the number of processors
  const { availableParallelism } = await import("node:os");
  const scope = globalThis as { navigator?: unknown };
  scope.navigator ??= { hardwareConcurrency: availableParallelism() };
  const jax = await import("@jax-js/jax").catch((cause: unknown) => {
    loading = undefined;
    throw new MnemeError("DEPENDENCY", "train: @jax-js/jax is not installed; run npm install @jax-js/jax", {
      cause,
    });
  });
  await jax.init();
  jax.defaultDevice("wasm");
  return jax;
}

/** Frees weights. */
export function dispose(jax: Jax, weights: Weights): void {
  jax.tree.dispose(weights);
}

/** Values of weights as typed arrays; the weights are spent. */
export async function take(weights: Weights): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(weights))
    values[name] = Float32Array.from((await tensor.data()) as Float32Array);
  return values;
}
