/** A decoder in plain loops over f64: slow, obvious, the standard that the kernels are held to. */
import type { ModelConfig } from "../../src/model/config.ts";
import type { TensorSource } from "../../src/weights/tensor-source.ts";

type Rows = Float64Array[];

/** Logits behind each of the tokens. */
export function referenceLogits(config: ModelConfig, source: TensorSource, tokens: readonly number[]): Rows {
  const head = config.tied ? "model.embed_tokens.weight" : "lm_head.weight";
  const w = source.read(head, 0, config.vocabulary * config.width);
  return referenceStates(config, source, tokens).map((x) =>
    Float64Array.from({ length: config.vocabulary }, (_, r) =>
      capped(
        x.reduce((sum, value, i) => sum + value * w[r * x.length + i]!, 0),
        config.logitCap,
      ),
    ),
  );
}

/** States behind the final norm. */
export function referenceStates(config: ModelConfig, source: TensorSource, tokens: readonly number[]): Rows {
  const { width, hidden, heads, kvHeads, headDim, epsilon } = config;
  const read = (name: string): Float64Array => {
    const count = source.shapeOf(name)!.reduce((product, side) => product * side, 1);
    return Float64Array.from(source.read(name, 0, count));
  };
  const times = (name: string, x: Float64Array, rows: number, bias = false): Float64Array => {
    const w = read(`${name}.weight`);
    const b = bias ? read(`${name}.bias`) : undefined;
    return Float64Array.from({ length: rows }, (_, r) =>
      x.reduce((sum, value, i) => sum + value * w[r * x.length + i]!, b?.[r] ?? 0),
    );
  };
  const norm = (x: Float64Array, name: string): Float64Array => {
    const w = read(`${name}.weight`);
    const by = 1 / Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length + epsilon);
    return x.map((value, i) => value * by * (w[i]! + config.normOffset));
  };
  const headsOf = (x: Float64Array, count: number): Rows =>
    Array.from({ length: count }, (_, h) => x.slice(h * headDim, (h + 1) * headDim));
  const table = read("model.embed_tokens.weight");
  let xs: Rows = tokens.map((token) =>
    table.slice(token * width, (token + 1) * width).map((value) => value * config.embeddingScale),
  );
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}.`;
    const { windowed, rope } = config.layerKinds[layer]!;
    const window = windowed ? config.window! : Number.POSITIVE_INFINITY;
    const theta = { global: config.rope.theta, local: config.localRope?.theta, none: undefined }[rope];
    const rotated = (x: Float64Array, position: number): Float64Array =>
      theta === undefined
        ? x
        : x.map((value, i) => {
            const half = headDim / 2;
            const angle = position * theta ** ((-2 * (i % half)) / headDim);
            const other = i < half ? -x[i + half]! : x[i - half]!;
            return value * Math.cos(angle) + other * Math.sin(angle);
          });
    const own = (name: string, x: Float64Array, count: number): Rows => {
      const all = headsOf(times(`${at}self_attn.${name}_proj`, x, count * headDim, config.qkvBias), count);
      return config.qkNorm && name !== "v"
        ? all.map((head) => norm(head, `${at}self_attn.${name}_norm`))
        : all;
    };
    const inputs = xs.map((x) => norm(x, `${at}input_layernorm`));
    const qs = inputs.map((x, t) => own("q", x, heads).map((head) => rotated(head, t)));
    const ks = inputs.map((x, t) => own("k", x, kvHeads).map((head) => rotated(head, t)));
    const vs = inputs.map((x) => own("v", x, kvHeads));
    const after = (x: Float64Array, name: string): Float64Array => (config.postNorms ? norm(x, name) : x);
    xs = xs.map((x, t) => {
      const out = new Float64Array(heads * headDim);
      for (let h = 0; h < heads; h++) {
        const kv = Math.floor((h * kvHeads) / heads);
        const first = Math.max(0, t + 1 - window);
        const weights = ks
          .slice(first, t + 1)
          .map((k) => Math.exp(capped(dot(qs[t]![h]!, k[kv]!) * config.attentionScale, config.attentionCap)));
        const all = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, s) => {
          vs[first + s]![kv]!.forEach((value, i) => {
            out[h * headDim + i]! += (weight / all) * value;
          });
        });
      }
      const given = times(`${at}self_attn.o_proj`, out, width, config.outBias);
      return added(x, after(given, `${at}post_attention_layernorm`));
    });
    xs = xs.map((x) => {
      const input = norm(x, `${at}${config.postNorms ? "pre_feedforward" : "post_attention"}_layernorm`);
      const up = times(`${at}mlp.up_proj`, input, hidden, config.mlpBias);
      const gate = times(`${at}mlp.gate_proj`, input, hidden, config.mlpBias).map(
        (g, i) => activated(g, config.activation) * up[i]!,
      );
      const given = times(`${at}mlp.down_proj`, gate, width, config.mlpBias);
      return added(x, after(given, `${at}post_feedforward_layernorm`));
    });
  }
  return xs.map((x) => norm(x, "model.norm"));
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const added = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);
const capped = (x: number, cap: number | undefined): number =>
  cap === undefined ? x : cap * Math.tanh(x / cap);

function activated(x: number, activation: ModelConfig["activation"]): number {
  if (activation === "silu") return x / (1 + Math.exp(-x));
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
