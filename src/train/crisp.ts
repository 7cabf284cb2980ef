/**
 * Trains a token encoder whose vectors are grouped as they will be in the index (CRISP: Veneroso et al., Clustering Multi-Vector
 * Representations for Denoising and Pruning, 2025): each step the texts are encoded, their tokens clustered, and the loss is that of the
 * groups' means. Which token is in which group is a constant of the step; gradients flow through the means.
 * Without pruning it trains a plain multi-vector model, which CRISP begins with. Scores are divided by the query's tokens, so that one
 * temperature fits all prunings: this project's own.
 */
import type { MixerShape, MixerWeights } from "../embed/token-mixer.ts";
import { MnemeError } from "../errors.ts";
import {
  checkPruning,
  groupTokens,
  hasUnitMeans,
  LEFT_OUT,
  membersOf,
  mostGroups,
  type Pruning,
  seedOfText,
  type TokenRole,
} from "../index/tokens/prune.ts";
import { kernels } from "../kernels/index.ts";
import { type Matrix, matrix, rowsOf } from "../linalg/matrix.ts";
import { crossEntropyOfOwn, unitRows } from "./contrastive.ts";
import { type Jax, loadJax, type Tensor, type TrainDevice, type Weights } from "./jax.ts";
import { mixBatch, tensorsOf } from "./token-model.ts";
import { type Batch, train } from "./train.ts";

/** Texts of one step: document i answers query i; documents behind those of the queries are wrong for all. */
export interface TextBatch {
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  /** For each query the further documents that answer it too: they do not count as wrong. Default none. */
  readonly answers?: readonly (readonly number[])[];
}

export interface CrispOptions {
  readonly shape: MixerShape;
  /** What training begins with: an already trained multi-vector model, or firstWeights. Borrowed. */
  readonly weights: MixerWeights;
  readonly pruning: Pruning;
  /** Static vectors of a text's tokens. Each n x shape.inputs, n from 1. */
  readonly tokens: (text: string, role: TokenRole) => Matrix;
  /** The same numbers of texts at each step. */
  readonly texts: (step: number) => TextBatch;
  /** Most tokens of a text; further ones are left out. */
  readonly places: { readonly query: number; readonly document: number };
  readonly steps: number;
  readonly rate?: number;
  readonly temperature?: number;
  /** Default "wasm". */
  readonly device?: TrainDevice;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: number, loss: number) => void;
}

export const crispDefaults = { rate: 1e-3, temperature: 0.05 } as const;

/** @throws MnemeError RANGE, DIMENSION, CANCELLED, STATE as train does; DEPENDENCY, UNSUPPORTED as loadJax does */
export async function trainCrisp(options: CrispOptions): Promise<MixerWeights> {
  const { shape, pruning, texts, steps, rate = crispDefaults.rate, signal, onStep } = options;
  checkPruning(pruning);
  const jax = await loadJax(options.device);
  const forward = forwardOf(jax, shape);
  const { weights } = await train(jax, tensorsOf(jax, shape, options.weights), {
    rate,
    steps,
    loss: (weights, batch) => lossOf(jax, options, weights, batch),
    batch: async (step, weights) => {
      const { queries, documents, answers } = texts(step);
      const [query, document] = [padded(queries, "query", options), padded(documents, "document", options)];
      return {
        ...(await sideOf(jax, forward, weights, query, options)),
        ...(await sideOf(jax, forward, weights, document, options)),
        mask: jax.numpy
          .array(maskOf(queries.length, documents.length, answers))
          .reshape([queries.length, documents.length]),
      };
    },
    ...(signal ? { signal } : {}),
    ...(onStep ? { onStep } : {}),
  });
  return weights;
}

/** queries x documents of zeros, and -1e4 where a document must not count. */
function maskOf(queries: number, documents: number, answers: TextBatch["answers"]): Float32Array {
  const mask = new Float32Array(queries * documents);
  answers?.forEach((also, query) => {
    for (const document of also) if (document !== query) mask[query * documents + document] = -1e4;
  });
  return mask;
}

/** Static vectors of some texts, filled up to one length. */
interface Padded {
  readonly role: TokenRole;
  readonly texts: readonly string[];
  readonly places: number;
  readonly counts: readonly number[];
  /** texts x places x inputs, and texts x places. */
  readonly values: Float32Array;
  readonly mask: Float32Array;
}

function padded(texts: readonly string[], role: TokenRole, options: CrispOptions): Padded {
  const { shape, places: most } = options;
  const places = most[role];
  const values = new Float32Array(texts.length * places * shape.inputs);
  const mask = new Float32Array(texts.length * places);
  const counts = texts.map((text, i) => {
    const { rows: count, data } = tokensOf(text, i, role, options);
    values.set(data, i * places * shape.inputs);
    mask.fill(1, i * places, i * places + count);
    return count;
  });
  return { role, texts, places, counts, values, mask };
}

/** Static vectors of a text, those behind the last place left out. @param number of the text, for the message */
function tokensOf(
  text: string,
  number: number,
  role: TokenRole,
  { shape, tokens, places }: CrispOptions,
): Matrix {
  const all = tokens(text, role);
  if (all.cols !== shape.inputs)
    throw new MnemeError(
      "DIMENSION",
      `crisp: static vectors of ${all.cols} values, the model takes ${shape.inputs}`,
    );
  if (all.rows === 0) throw new MnemeError("RANGE", `crisp: ${role} ${number} has no tokens; leave it out`);
  return rowsOf(all, 0, Math.min(all.rows, places[role]));
}

type Forward = (weights: Weights, tokens: Tensor, mask: Tensor) => Tensor;

/** Token vectors alone, compiled. */
function forwardOf(jax: Jax, shape: MixerShape): Forward {
  return jax.jit(((weights: Weights, tokens: Tensor, mask: Tensor) => {
    const out = mixBatch(jax, shape, weights, tokens, mask);
    jax.tree.dispose(weights);
    return out;
  }) as never) as unknown as Forward;
}

/** What the loss takes of the queries or the documents: tokens, mask, and unless all are kept shares and mask of the groups. */
async function sideOf(
  jax: Jax,
  forward: Forward,
  weights: Weights,
  side: Padded,
  { shape, pruning }: CrispOptions,
): Promise<Batch> {
  const { numpy: np, tree } = jax;
  const { role, texts, places, values, mask } = side;
  const tokens = np.array(values).reshape([texts.length, places, shape.inputs]);
  const there = np.array(mask).reshape([texts.length, places]);
  const named = (parts: Batch): Batch =>
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [`${role}.${name}`, part]));
  if (pruning.kind === "none") return named({ tokens, mask: there });
  const needed = pruning.kind === "clusters" || pruning.kind === "share";
  const vectors = needed
    ? ((await forward(tree.ref(weights), tokens.ref, there.ref).data()) as Float32Array)
    : new Float32Array(texts.length * places * shape.outputs);
  const { shares, kept, most } = sharesOf(side, vectors, shape.outputs, pruning);
  return named({
    tokens,
    mask: there,
    shares: np.array(shares).reshape([texts.length, most, places]),
    kept: np.array(kept).reshape([texts.length, most]),
  });
}

/**
 * texts x most x places: what each token adds to its group's mean; texts x most: what a group weighs, 0 where there is none. In a query that are
 * the tokens that it stands for, as in the index.
 */
function sharesOf(
  { role, texts, places, counts }: Padded,
  vectors: Float32Array,
  dim: number,
  pruning: Pruning,
): { shares: Float32Array; kept: Float32Array; most: number } {
  const most = mostGroups(pruning, role, places);
  const shares = new Float32Array(texts.length * most * places);
  const kept = new Float32Array(texts.length * most);
  texts.forEach((text, i) => {
    const tokens = matrix(counts[i]!, dim, vectors.slice(i * places * dim, (i * places + counts[i]!) * dim));
    if (role === "document") kernels().normalizeF32(tokens.data, dim);
    const groups = groupTokens(tokens, pruning, role, seedOfText(text));
    const members = membersOf(groups);
    kept.set(hasUnitMeans(pruning, role) ? members.map(() => 1) : members, i * most);
    groups.of.forEach((group, token) => {
      if (group !== LEFT_OUT) shares[(i * most + group) * places + token] = 1 / members[group]!;
    });
  });
  return { shares, kept, most };
}

/** InfoNCE of the clustered MaxSim. */
function lossOf(jax: Jax, options: CrispOptions, weights: Weights, batch: Batch): Tensor {
  const { shape, pruning, temperature = crispDefaults.temperature } = options;
  const query = vectorsOf(jax, shape, weights, batch, "query", pruning);
  const document = vectorsOf(jax, shape, weights, batch, "document", pruning);
  jax.tree.dispose(weights);
  return crossEntropyOfOwn(jax, maxSim(jax, query, document).mul(1 / temperature), batch.mask!);
}

interface Kept {
  /** texts x most x outputs. */
  readonly vectors: Tensor;
  /** texts x most: what a vector of a query weighs, 1 for one of a document; 0 where there is none. */
  readonly mask: Tensor;
}

function vectorsOf(
  jax: Jax,
  shape: MixerShape,
  weights: Weights,
  batch: Batch,
  role: TokenRole,
  pruning: Pruning,
): Kept {
  const part = (name: string): Tensor => batch[`${role}.${name}`]!;
  const isWhole = pruning.kind === "none";
  const mask = isWhole ? part("mask").ref : part("kept");
  const all = mixBatch(jax, shape, weights, part("tokens"), part("mask"));
  const tokens = role === "document" ? unitRows(jax, all) : all;
  const vectors = isWhole ? tokens : jax.numpy.matmul(part("shares"), tokens);
  return { vectors: hasUnitMeans(pruning, role) ? unitRows(jax, vectors) : vectors, mask };
}

/** queries x documents: the weighed mean over a query's vectors of the largest product with one of the document's. */
export function maxSim(jax: Jax, query: Kept, document: Kept): Tensor {
  const { numpy: np } = jax;
  const [queries, most, dim] = query.vectors.shape as [number, number, number];
  const [documents, room] = document.vectors.shape as [number, number, number];
  const products = np.matmul(
    query.vectors.reshape([queries * most, dim]),
    np.transpose(document.vectors.reshape([documents * room, dim])),
  );
  const absent = document.mask.sub(1).mul(1e4).reshape([1, documents, room]);
  const best = np.max(products.reshape([queries * most, documents, room]).add(absent), -1);
  const counted = best.reshape([queries, most, documents]).mul(query.mask.ref.reshape([queries, most, 1]));
  return np.sum(counted, 1).div(np.sum(query.mask, -1, { keepdims: true }));
}
