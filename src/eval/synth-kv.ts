/**
 * SynthKV: keys, values and queries of one attention layer, made from a seed so that they have what caches of real models have: sinks,
 * channels with a constant offset, neighbours that are alike, heavy tokens, retrieval heads and local ones, needles that are asked for at
 * the end. On it the recipes of KV-cache compression are compared at equal slots or bits, without a model.
 */
import { MnemeError } from "../errors.ts";
import { Random } from "../linalg/random.ts";

/** seen: the question is already among the last queries of the prompt. hidden: what is kept is chosen before any question. */
export const SYNTH_SETTINGS = ["hidden", "seen"] as const;
export type SynthSetting = (typeof SYNTH_SETTINGS)[number];

export interface SynthKvOptions {
  readonly seed?: number;
  /** Tokens of the prompt, which may be compressed. */
  readonly prompt?: number;
  /** Tokens behind it, kept exact; their queries are measured. */
  readonly decode?: number;
  readonly heads?: number;
  /** Of a head; a multiple of 16. */
  readonly dim?: number;
  /** Queries at the end of the prompt that see the question in `seen`. */
  readonly window?: number;
  readonly setting?: SynthSetting;
  /** How alike neighbours are, in [0, 1): the correlation of the topics of two tokens side by side. */
  readonly topic?: number;
}

export const synthKvDefaults = {
  seed: 0,
  prompt: 2048,
  decode: 64,
  heads: 8,
  dim: 64,
  window: 32,
  setting: "hidden",
  topic: 0.9,
} as const satisfies Required<SynthKvOptions>;

/** One head, query and key-value alike: f32 [prompt + decode x dim] each, row t of position t. */
export interface SynthHead {
  /** Rotated, as are the keys. */
  readonly queries: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** A head that looks for content; the others look at what is near. */
  readonly retrieves: boolean;
}

export interface SynthKv {
  readonly options: Required<SynthKvOptions>;
  readonly heads: readonly SynthHead[];
  /** Queries, counted from the first one behind the prompt, that ask for a needle: of each head its own. */
  readonly asking: readonly (readonly number[])[];
  /** Rotates a row of `dim` in place to a position. */
  rotate(row: Float32Array, position: number): void;
  unrotate(row: Float32Array, position: number): void;
}

const THETA = 5e5;
const NEEDLES = 16;
const NEEDLE_TOKENS = 4;
const SINKS = 4;
const HEAVY_SHARE = 0.04;
/** First start of a needle, and the distance of possible ones. */
const NEEDLE_GRID = 64;
const NEEDLE_STEP = 8;

/** Which channels carry what: pairs are (i, i + dim / 2). */
interface Channels {
  /** Turn fast, the same in all keys: logits fall with distance. */
  readonly near: readonly number[];
  /** Turn slowly: content. */
  readonly content: readonly number[];
  /** Hardly turn: a large constant. */
  readonly offset: readonly number[];
}

function channelsOf(dim: number): Channels {
  const pairs = dim / 2;
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  const both = (list: number[]): number[] => [...list, ...list.map((pair) => pair + pairs)];
  return {
    near: range(0, (3 * pairs) / 8),
    content: both(range((5 * pairs) / 8, pairs - 2)),
    offset: both(range(pairs - 2, pairs)),
  };
}

/** What all heads see of the text. */
interface Text {
  /** f64 [tokens x width] */
  readonly topics: Float64Array;
  readonly needles: readonly Float64Array[];
  /** Needle that a token belongs to, or -1. */
  readonly needleOf: Int32Array;
  readonly heavy: Uint8Array;
}

/** @throws MnemeError RANGE naming the option */
export function synthKv(options: SynthKvOptions = {}): SynthKv {
  const whole = { ...synthKvDefaults, ...options };
  check(whole);
  const { seed, heads, dim } = whole;
  const random = new Random(seed);
  const channels = channelsOf(dim);
  const text = textOf(whole, channels.content.length, random);
  const turn = rotationOf(dim);
  const made = Array.from({ length: heads }, (_, head) => headOf(whole, channels, text, head, random));
  for (const { head } of made) {
    for (let t = 0; t < whole.prompt + whole.decode; t++) {
      turn(head.queries.subarray(t * dim, (t + 1) * dim), t);
      turn(head.keys.subarray(t * dim, (t + 1) * dim), t);
    }
  }
  return {
    options: whole,
    heads: made.map(({ head }) => head),
    asking: made.map(({ asking }) => asking),
    rotate: turn,
    unrotate: (row, position) => turn(row, -position),
  };
}

function check({ prompt, decode, heads, dim, window, setting, topic }: Required<SynthKvOptions>): void {
  const least = NEEDLE_GRID + NEEDLES * NEEDLE_STEP + window + NEEDLE_GRID;
  const ranges: [string, number, number, number][] = [
    ["prompt", prompt, least, 2 ** 20],
    ["decode", decode, 1, 2 ** 20],
    ["heads", heads, 1, 1024],
    ["window", window, 1, prompt],
  ];
  for (const [name, value, from, to] of ranges) {
    if (!(Number.isInteger(value) && value >= from && value <= to))
      throw new MnemeError(
        "RANGE",
        `synth-kv: ${name} is ${value}; expected a whole number from ${from} to ${to}`,
      );
  }
  if (!(Number.isInteger(dim) && dim >= 32 && dim % 16 === 0))
    throw new MnemeError("RANGE", `synth-kv: dim is ${dim}; expected a multiple of 16 from 32`);
  if (!(topic >= 0 && topic < 1))
    throw new MnemeError("RANGE", `synth-kv: topic is ${topic}; expected a number in [0, 1)`);
  if (!SYNTH_SETTINGS.includes(setting))
    throw new MnemeError(
      "RANGE",
      `synth-kv: setting is ${setting}; expected one of ${SYNTH_SETTINGS.join(", ")}`,
    );
}

function textOf(
  { prompt, decode, window, topic }: Required<SynthKvOptions>,
  width: number,
  random: Random,
): Text {
  const tokens = prompt + decode;
  const topics = new Float64Array(tokens * width);
  const fresh = Math.sqrt(1 - topic * topic);
  for (let i = 0; i < topics.length; i++)
    topics[i] = i < width ? random.gaussian() : topic * topics[i - width]! + fresh * random.gaussian();
  const heavy = Uint8Array.from({ length: tokens }, () => (random.uniform() < HEAVY_SHARE ? 1 : 0));
  const needleOf = new Int32Array(tokens).fill(-1);
  const places = Math.floor((prompt - window - 2 * NEEDLE_GRID) / NEEDLE_STEP) + 1;
  random.sample(places, NEEDLES).forEach((place, needle) => {
    const start = NEEDLE_GRID + place * NEEDLE_STEP;
    needleOf.fill(needle, start, start + NEEDLE_TOKENS);
  });
  const needles = Array.from({ length: NEEDLES }, () =>
    Float64Array.from({ length: width }, () => random.gaussian()),
  );
  return { topics, needles, needleOf, heavy };
}

/** What makes one head its own. */
interface HeadPlan {
  readonly retrieves: boolean;
  readonly map: Float64Array;
  /** Direction of sinks and heavy tokens; all queries look there. */
  readonly axis: Float64Array;
  readonly mix: Float64Array;
  readonly offsets: readonly number[];
  /** Content that the needles have here. */
  readonly needles: readonly Float64Array[];
}

function planOf(dim: number, channels: Channels, text: Text, number: number, random: Random): HeadPlan {
  const width = channels.content.length;
  const map = orthogonal(width, random);
  const axis = unit(width, random);
  return {
    retrieves: number % 2 === 0,
    map,
    axis,
    mix: Float64Array.from({ length: width * dim }, () => random.gaussian() / Math.sqrt(width)),
    offsets: channels.offset.map(() => (random.uniform() < 0.5 ? -1 : 1) * (8 + 6 * random.uniform())),
    needles: text.needles.map((code) => withoutPart(times(code, map), axis)),
  };
}

function headOf(
  options: Required<SynthKvOptions>,
  channels: Channels,
  text: Text,
  number: number,
  random: Random,
): { head: SynthHead; asking: number[] } {
  const { prompt, decode, dim, window, setting } = options;
  const tokens = prompt + decode;
  const width = channels.content.length;
  const plan = planOf(dim, channels, text, number, random);
  const room = (): Float32Array => new Float32Array(tokens * dim);
  const head: SynthHead = { queries: room(), keys: room(), values: room(), retrieves: plan.retrieves };
  const asking: number[] = [];
  const mayAskFrom = setting === "seen" ? prompt - window : prompt;
  for (let t = 0; t < tokens; t++) {
    const rowOf = (rows: Float32Array): Float32Array => rows.subarray(t * dim, (t + 1) * dim);
    const topic = withoutPart(times(text.topics.subarray(t * width, (t + 1) * width), plan.map), plan.axis);
    const content = plan.needles[text.needleOf[t]!]?.map((value) => value + 0.2 * random.gaussian()) ?? topic;
    const place = { sink: t < SINKS, heavy: text.heavy[t] === 1 };
    writeKey(rowOf(head.keys), content, place, plan, channels, random);
    writeValue(rowOf(head.values), content, place.sink, plan, random);
    const asks = t >= mayAskFrom && random.uniform() < 0.5;
    if (asks && t >= prompt) asking.push(t - prompt);
    const wanted = asks ? plan.needles[random.integer(NEEDLES)]!.map((one) => 1.3 * one) : topic;
    writeQuery(rowOf(head.queries), wanted, plan, channels, random);
  }
  return { head, asking };
}

function writeKey(
  key: Float32Array,
  content: Float64Array,
  { sink, heavy }: { readonly sink: boolean; readonly heavy: boolean },
  { axis, offsets }: HeadPlan,
  channels: Channels,
  random: Random,
): void {
  const noise = sink ? 0.1 : 0.35;
  for (let i = 0; i < key.length; i++) key[i] = noise * random.gaussian();
  channels.content.forEach((channel, i) => {
    key[channel]! += sink ? 8 * axis[i]! : content[i]! + (heavy ? 1.5 * axis[i]! : 0);
  });
  if (!sink) for (const channel of channels.near) key[channel]! += 1;
  channels.offset.forEach((channel, i) => {
    key[channel]! += offsets[i]!;
  });
}

function writeValue(
  value: Float32Array,
  content: Float64Array,
  isSink: boolean,
  { axis, mix }: HeadPlan,
  random: Random,
): void {
  const plain = times(withoutPart(content, axis), mix);
  for (let i = 0; i < value.length; i++)
    value[i] = (plain[i]! + 0.5 * random.gaussian()) * (isSink ? 0.05 : 1);
}

function writeQuery(
  query: Float32Array,
  wanted: Float64Array,
  { axis, retrieves }: HeadPlan,
  channels: Channels,
  random: Random,
): void {
  const gain = retrieves ? { near: 2.5, content: 2.2 } : { near: 5, content: 0.3 };
  for (let i = 0; i < query.length; i++) query[i] = 0.3 * random.gaussian();
  for (const channel of channels.near) query[channel]! += gain.near;
  channels.content.forEach((channel, i) => {
    query[channel]! += gain.content * wanted[i]! + 7 * axis[i]!;
  });
}

/** Angles are those of RoFormer (Su et al., 2021) in halves; a negative position turns back. */
function rotationOf(dim: number): (row: Float32Array, position: number) => void {
  const half = dim / 2;
  const frequencies = Float64Array.from({ length: half }, (_, i) => THETA ** (-i / half));
  return (row, position) => {
    for (let i = 0; i < half; i++) {
      const [cosine, sine] = [Math.cos(position * frequencies[i]!), Math.sin(position * frequencies[i]!)];
      const [a, b] = [row[i]!, row[half + i]!];
      row[i] = a * cosine - b * sine;
      row[half + i] = b * cosine + a * sine;
    }
  };
}

/** A random rotation: Gram & Schmidt over normal rows. f64 [n x n] */
function orthogonal(n: number, random: Random): Float64Array {
  const rows: Float64Array[] = [];
  while (rows.length < n) {
    let row = unit(n, random);
    for (const other of rows) row = withoutPart(row, other);
    rows.push(scaledToOne(row));
  }
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

function unit(n: number, random: Random): Float64Array {
  return scaledToOne(Float64Array.from({ length: n }, () => random.gaussian()));
}

function scaledToOne(row: Float64Array): Float64Array {
  const norm = Math.hypot(...row);
  return row.map((value) => value / norm);
}

function withoutPart(row: Float64Array, axis: Float64Array): Float64Array {
  const along = row.reduce((sum, value, i) => sum + value * axis[i]!, 0);
  return row.map((value, i) => value - along * axis[i]!);
}

/** row x m, m: f64 [row.length x columns] */
function times(row: Float64Array, m: Float64Array): Float64Array {
  const columns = m.length / row.length;
  const out = new Float64Array(columns);
  for (let i = 0; i < row.length; i++)
    for (let j = 0; j < columns; j++) out[j]! += row[i]! * m[i * columns + j]!;
  return out;
}
