/** `@jax-js/jax`, an optional peer: automatic differentiation and compiled array programs. Loaded when something is trained. */
import { MnemeError } from "../errors.ts";
import type { Matrix } from "../linalg/matrix.ts";

export type Jax = typeof import("@jax-js/jax");
/** An array of jax-js. It is moved by each use: `.ref` keeps it. */
export type Tensor = import("@jax-js/jax").Array;
/** Named weights. */
export type Weights = { [name: string]: Tensor };

/** What computes: threads of the processor, or a GPU by WebGPU. */
export type TrainDevice = "wasm" | "webgpu";

const loading = new Map<TrainDevice, Promise<Jax>>();

/**
 * The library, computing on a device: later arrays of the whole process are there, so train on one device at a time. "webgpu" takes the
 * runtime's own WebGPU, or the package `webgpu` where it has none, as Node.
 * @throws MnemeError DEPENDENCY where a package is missing, UNSUPPORTED where no GPU answers
 */
export async function loadJax(device: TrainDevice = "wasm"): Promise<Jax> {
  let loaded = loading.get(device);
  if (!loaded) {
    loaded = load(device);
    loading.set(device, loaded);
    loaded.catch(() => loading.delete(device));
  }
  const jax = await loaded;
  jax.defaultDevice(device);
  return jax;
}

async function load(device: TrainDevice): Promise<Jax> {
  await provideNavigator();
  if (device === "webgpu") await provideGpu();
  const jax = await import("@jax-js/jax").catch((cause: unknown) => {
    throw new MnemeError("DEPENDENCY", "train: @jax-js/jax is not installed; run npm install @jax-js/jax", {
      cause,
    });
  });
  const ready = await jax.init(device);
  if (!ready.includes(device))
    throw new MnemeError("UNSUPPORTED", `train: no ${device} device answers here; train on "wasm"`);
  return jax;
}

/** Node 20 has no navigator, and the package asks it for the number of processors and the name of a browser. */
async function provideNavigator(): Promise<void> {
  const scope = globalThis as { navigator?: unknown };
  const { availableParallelism } = await import("node:os");
  scope.navigator ??= { hardwareConcurrency: availableParallelism(), userAgent: "" };
}

interface WebGpuPackage {
  readonly globals: object;
  create(flags: readonly string[]): object;
}

/** Puts `gpu` where the package looks for it. */
async function provideGpu(): Promise<void> {
  const { navigator } = globalThis as unknown as { navigator: { gpu?: object } };
  if (navigator.gpu) return;
  const name = "webgpu";
  const { create, globals } = await import(name).then(
    (all: WebGpuPackage) => all,
    (cause: unknown) => {
      throw new MnemeError(
        "DEPENDENCY",
        'train: this runtime has no WebGPU, and the package webgpu is not installed; run npm install webgpu, or train on "wasm"',
        { cause },
      );
    },
  );
  Object.assign(globalThis, globals);
  Object.defineProperty(navigator, "gpu", { value: create([]), configurable: true });
}

/** A matrix on the device. @param rows borrowed @returns rows x cols */
export function tensorOf({ numpy: np }: Jax, { data, rows, cols }: Matrix): Tensor {
  return np.array(data).reshape([rows, cols]);
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
