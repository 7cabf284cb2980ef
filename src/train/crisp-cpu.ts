/**
 * CRISP on a processor without the optional peer: what crisp.ts trains (the source is named there), step for step, by gradients that are
 * written out. Several times faster than the general way, since no text is filled up to the longest and only products that win the maximum
 * have a gradient.
 */
import type { MixerWeights } from "../embed/token-mixer.ts";
import { throwIfAborted } from "../errors.ts";
import {
  checkPruning,
  type Groups,
  groupTokens,
  hasUnitMeans,
  LEFT_OUT,
  meansOf,
  seedOfText,
  type TokenRole,
} from "../index/tokens/prune.ts";
import { type Matrix, matrix, rowsOf } from "../linalg/matrix.ts";
import { Adam } from "./adam.ts";
import { type CrispOptions, crispDefaults, maskOf, tokensOf } from "./crisp.ts";
import { maxSimLoss, type Sets } from "./max-sim-gradient.ts";
import { type MixerTape, mixBackward, mixForward, type Span } from "./token-gradient.ts";
import { diverged, trainDefaults } from "./train.ts";

/** @throws MnemeError RANGE, DIMENSION, CANCELLED, STATE as trainCrisp does */
export function trainCrispOnCpu(options: CrispOptions): MixerWeights {
  const { shape, pruning, texts, steps, rate = crispDefaults.rate, signal, onStep } = options;
  const { temperature = crispDefaults.temperature } = options;
  checkPruning(pruning);
  const weights = copied(options.weights);
  const adam = new Adam(weights, { rate, steps });
  for (let step = 0; step < steps; step++) {
    throwIfAborted(signal, "train");
    const { queries, documents, answers } = texts(step);
    const query = sideOf(queries, "query", weights, options);
    const document = sideOf(documents, "document", weights, options);
    const mask = maskOf(queries.length, documents.length, answers);
    const { loss, dQueries, dDocuments } = maxSimLoss(query.sets, document.sets, mask, temperature);
    const gradients = Object.fromEntries(
      Object.entries(weights).map(([name, { length }]) => [name, new Float32Array(length)]),
    );
    mixBackward(shape, weights, query.tape, query.back(dQueries), gradients);
    mixBackward(shape, weights, document.tape, document.back(dDocuments), gradients);
    adam.step(gradients, step);
    if (!Number.isFinite(loss)) throw diverged(step, loss);
    if (step % trainDefaults.every === 0 || step === steps - 1) onStep?.(step, loss);
  }
  return weights;
}

const copied = (weights: MixerWeights): MixerWeights =>
  Object.fromEntries(Object.entries(weights).map(([name, values]) => [name, values.slice()]));

interface Side {
  readonly tape: MixerTape;
  readonly sets: Sets;
  /** From the gradient by the sets' vectors to that by the tape's output. */
  back(d: Float32Array): Float32Array;
}

/** Texts encoded, their tokens grouped. */
function sideOf(
  texts: readonly string[],
  role: TokenRole,
  weights: MixerWeights,
  options: CrispOptions,
): Side {
  const { shape, pruning } = options;
  const given = texts.map((text, i) => tokensOf(text, i, role, options));
  const spans = spansOf(given.map(({ rows }) => rows));
  const tokens = new Float32Array(spans.at(-1)!.to * shape.inputs);
  given.forEach(({ data }, i) => tokens.set(data, spans[i]!.from * shape.inputs));
  const tape = mixForward(shape, weights, tokens, spans);
  const all = matrix(spans.at(-1)!.to, shape.outputs, tape.out);
  const unit = role === "document" ? unitOf(all) : undefined;
  const used = unit?.rows ?? all;
  const through = (d: Float32Array): Float32Array => (unit ? unit.back(d) : d);
  if (pruning.kind === "none") return { tape, sets: { vectors: used, spans }, back: through };
  const groups = spans.map(({ from, to }, i) =>
    groupTokens(rowsOf(used, from, to), pruning, role, seedOfText(texts[i]!)),
  );
  const means = joined(
    groups.map((own, i) => meansOf(rowsOf(used, spans[i]!.from, spans[i]!.to), own)),
    shape.outputs,
  );
  const kept = spansOf(groups.map(({ count }) => count));
  const angle = hasUnitMeans(pruning, role) ? unitOf(means) : undefined;
  return {
    tape,
    sets: { vectors: angle?.rows ?? means, spans: kept },
    back: (d) => through(spread(angle ? angle.back(d) : d, groups, kept, spans, shape.outputs)),
  };
}

function spansOf(counts: readonly number[]): Span[] {
  let from = 0;
  return counts.map((count) => {
    from += count;
    return { from: from - count, to: from };
  });
}

function joined(parts: readonly Matrix[], cols: number): Matrix {
  const out = matrix(
    parts.reduce((sum, { rows }) => sum + rows, 0),
    cols,
  );
  let at = 0;
  for (const { data } of parts) {
    out.data.set(data, at);
    at += data.length;
  }
  return out;
}

/** Each member of a group gets its share of what the mean gets. */
function spread(
  d: Float32Array,
  groups: readonly Groups[],
  kept: readonly Span[],
  spans: readonly Span[],
  cols: number,
): Float32Array {
  const out = new Float32Array(spans.at(-1)!.to * cols);
  groups.forEach(({ count, of }, text) => {
    const members = new Uint32Array(count);
    for (const group of of) if (group !== LEFT_OUT) members[group]!++;
    of.forEach((group, token) => {
      if (group === LEFT_OUT) return;
      const [to, from] = [(spans[text]!.from + token) * cols, (kept[text]!.from + group) * cols];
      for (let i = 0; i < cols; i++) out[to + i] = d[from + i]! / members[group]!;
    });
  });
  return out;
}

/** Rows of unit length, and the way back through that. */
function unitOf({ rows, cols, data }: Matrix): {
  readonly rows: Matrix;
  back(d: Float32Array): Float32Array;
} {
  const units = matrix(rows, cols);
  const inverse = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let square = 1e-12;
    for (let i = r * cols; i < (r + 1) * cols; i++) square += data[i]! * data[i]!;
    inverse[r] = 1 / Math.sqrt(square);
    for (let i = r * cols; i < (r + 1) * cols; i++) units.data[i] = data[i]! * inverse[r]!;
  }
  return {
    rows: units,
    back(d) {
      const out = new Float32Array(d.length);
      for (let r = 0; r < rows; r++) {
        let along = 0;
        for (let i = r * cols; i < (r + 1) * cols; i++) along += units.data[i]! * d[i]!;
        for (let i = r * cols; i < (r + 1) * cols; i++)
          out[i] = (d[i]! - units.data[i]! * along) * inverse[r]!;
      }
      return out;
    },
  };
}
