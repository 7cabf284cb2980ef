/**
 * Fewer vectors for a text: its tokens in groups, each group one vector, the mean of its members. Groups are clusters of the text's own
 * tokens (CRISP: Veneroso et al., Clustering Multi-Vector Representations for Denoising and Pruning, 2025), or by place alone.
 * A document's means are made one long, as its tokens are: else tokens that stand alone, the fillers, outshine the groups that say something.
 * A query's weigh as many tokens as they stand for.
 * One seeding alone often has two clusters where one should be, and the other way round: the best of several are taken, by exchange.
 */
import { MnemeError } from "../../errors.ts";
import { kernels } from "../../kernels/index.ts";
import { exchangeClusters } from "../../linalg/exchange.ts";
import { kMeans } from "../../linalg/k-means.ts";
import { type Matrix, matrix, rowOf } from "../../linalg/matrix.ts";

/** Which tokens of a text are grouped. */
export type Pruning =
  | { readonly kind: "none" }
  /** At most so many clusters: C8x32 is query 8, document 32. */
  | { readonly kind: "clusters"; readonly query: number; readonly document: number }
  /** A share of the tokens as clusters: C50 is 0.5. */
  | { readonly kind: "share"; readonly share: number }
  /** The last tokens alone. */
  | { readonly kind: "tail"; readonly query: number; readonly document: number }
  /** Runs of so many tokens. */
  | { readonly kind: "groups"; readonly size: number }
  /** One vector of unit length: an ordinary embedder. */
  | { readonly kind: "single" };

export type TokenRole = "query" | "document";

/** Passes over the tokens at most: the paper's rounds of k-means. */
const ROUNDS = 20;
/** Tokens that are clustered by exchanging single ones, which takes the products of all with all. */
const MOST_EXCHANGED = 1024;
/** Group of a token that is left out. */
export const LEFT_OUT = 0xffff_ffff;

export interface Groups {
  readonly count: number;
  /** Group of each token. */
  readonly of: Uint32Array;
}

/** A short name, as the paper writes it: "C8x32", "C50", "T4x8", "K2", "single", "all". */
export function pruningName(pruning: Pruning): string {
  switch (pruning.kind) {
    case "none":
      return "all";
    case "clusters":
      return `C${pruning.query}x${pruning.document}`;
    case "share":
      return `C${Math.round(pruning.share * 100)}`;
    case "tail":
      return `T${pruning.query}x${pruning.document}`;
    case "groups":
      return `K${pruning.size}`;
    case "single":
      return "single";
    default:
      return pruning satisfies never;
  }
}

/** @throws MnemeError RANGE */
export function checkPruning(pruning: Pruning): void {
  const whole = (name: string, value: number): void => {
    if (!Number.isInteger(value) || value < 1)
      throw new MnemeError("RANGE", `tokens: ${name} must be a whole number from 1, got ${value}`);
  };
  if (pruning.kind === "clusters" || pruning.kind === "tail") {
    whole("vectors of a query", pruning.query);
    whole("vectors of a document", pruning.document);
  }
  if (pruning.kind === "groups") whole("tokens of a group", pruning.size);
  if (pruning.kind === "share" && !(pruning.share > 0 && pruning.share <= 1))
    throw new MnemeError("RANGE", `tokens: share must lie in (0, 1], got ${pruning.share}`);
}

/** Most groups that a text of so many tokens gets. */
export function mostGroups(pruning: Pruning, role: TokenRole, tokens: number): number {
  switch (pruning.kind) {
    case "none":
      return tokens;
    case "clusters":
    case "tail":
      return Math.min(tokens, pruning[role]);
    case "share":
      return Math.max(1, Math.floor(pruning.share * tokens));
    case "groups":
      return Math.ceil(tokens / pruning.size);
    case "single":
      return 1;
    default:
      return pruning satisfies never;
  }
}

/**
 * Groups of one text's tokens. @param tokens n x dim, n from 1 @param seed of the clusters, by the text: see seedOfText
 * @throws MnemeError RANGE for an empty text
 */
export function groupTokens(tokens: Matrix, pruning: Pruning, role: TokenRole, seed: number): Groups {
  const { rows } = tokens;
  if (rows === 0) throw new MnemeError("RANGE", "tokens: a text without tokens; leave it out");
  const count = mostGroups(pruning, role, rows);
  if (pruning.kind === "tail")
    return {
      count,
      of: Uint32Array.from({ length: rows }, (_, i) => (i < rows - count ? LEFT_OUT : i - rows + count)),
    };
  if (pruning.kind === "groups")
    return { count, of: Uint32Array.from({ length: rows }, (_, i) => Math.floor(i / pruning.size)) };
  if (count === rows) return { count, of: Uint32Array.from({ length: rows }, (_, i) => i) };
  if (count === 1) return { count, of: new Uint32Array(rows) };
  const { assignment } =
    rows <= MOST_EXCHANGED
      ? exchangeClusters(tokens, count, { seed, rounds: ROUNDS })
      : kMeans(tokens, count, { seed, iterations: ROUNDS });
  return dense(assignment, count);
}

/** Groups without members close up: tokens that are all the same have fewer clusters than were asked for. */
function dense(assignment: Uint32Array, count: number): Groups {
  const place = new Uint32Array(count).fill(LEFT_OUT);
  let next = 0;
  const of = assignment.map((group) => {
    if (place[group] === LEFT_OUT) place[group] = next++;
    return place[group]!;
  });
  return { count: next, of };
}

/** Sums of the groups' members: their means, each as long as it has members. @returns count x dim */
export function sumsOf(tokens: Matrix, { count, of }: Groups): Matrix {
  const { cols } = tokens;
  const sums = matrix(count, cols);
  of.forEach((group, token) => {
    if (group === LEFT_OUT) return;
    const [from, to] = [rowOf(tokens, token), rowOf(sums, group)];
    for (let c = 0; c < cols; c++) to[c]! += from[c]!;
  });
  return sums;
}

/** How many tokens each group has. */
export function membersOf({ count, of }: Groups): Uint32Array {
  const members = new Uint32Array(count);
  for (const group of of) if (group !== LEFT_OUT) members[group]!++;
  return members;
}

/** The vectors that are kept of one text. @throws as groupTokens */
export function pruneTokens(tokens: Matrix, pruning: Pruning, role: TokenRole, seed: number): Matrix {
  if (pruning.kind === "none" && tokens.rows > 0) return tokens;
  const kept = sumsOf(tokens, groupTokens(tokens, pruning, role, seed));
  if (hasUnitMeans(pruning, role)) kernels().normalizeF32(kept.data, kept.cols);
  return kept;
}

/** Whether what is kept is made one long: of documents, and where one vector stands for a text. */
export function hasUnitMeans({ kind }: Pruning, role: TokenRole): boolean {
  return kind !== "none" && (kind === "single" || role === "document");
}

/** A seed by a text: FNV-1a (Fowler, Noll & Vo) of its UTF-16 units, so that a text is clustered alike wherever it is met. */
export function seedOfText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
