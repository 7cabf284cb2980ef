/**
 * Which bytes may come next in a text of a grammar. All readings of the text so far are kept as stacks that share their lower parts;
 * a set of stacks is a state, made once and kept with the states that lead on from it, so a text of states seen before costs a look-up
 * for each byte. Stacks as in Earley-like prediction without items that start elsewhere (Earley, An Efficient Context-Free Parsing
 * Algorithm, 1970); masks over states as in Dong et al., XGrammar (2024).
 */
import { MnemeError } from "../../errors.ts";
import { hasByte } from "./code-points.ts";
import type { Element, Program } from "./program.ts";

/** A place in an alternative and what comes after it. */
interface Frame {
  readonly id: number;
  /** Of the element that is next. */
  readonly at: number;
  /** How often it was called already; beyond min it counts only where there is a max. */
  readonly count: number;
  /** Undefined under the whole text. */
  readonly below: Frame | undefined;
  above: Map<number, Frame> | undefined;
}

export interface State {
  /** Frames at byte sets. */
  readonly heads: readonly Frame[];
  /** The text may end here. */
  readonly ends: boolean;
  /** Where bytes lead that were tried; null: nowhere. */
  readonly next: (State | null | undefined)[];
}

/** Readings of one text at most. */
const MOST_HEADS = 2 ** 14;
/** A state's table of next states has up to 256 entries; a frame may have a map of those above. */
const STATE_BYTES = 2400;
const FRAME_BYTES = 160;
/** More than a place's count, or a program's places, can be: two numbers in one key. */
const COUNTS = 2 ** 31;
const PLACES = 2 ** 22;

export class Recogniser {
  readonly #program: Program;
  readonly #states = new Map<string, State>();
  #frames = 0;
  #heads = 0;
  readonly start: State;

  constructor(program: Program) {
    this.#program = program;
    const bottom = this.#frame(-1, 0, undefined);
    this.start = this.#closure(this.#alternatives(program.root, bottom));
  }

  /** Bytes held, about; they only grow. */
  get bytes(): number {
    return this.#states.size * STATE_BYTES + this.#frames * FRAME_BYTES + this.#heads * 8;
  }

  /** @returns undefined where no text goes on with this byte. @throws MnemeError BUDGET where the text has too many readings */
  step(state: State, byte: number): State | undefined {
    const known = state.next[byte];
    if (known !== undefined) return known ?? undefined;
    const moved: Frame[] = [];
    for (const frame of state.heads) {
      const element = this.#program.elements[frame.at] as Element & { kind: "bytes" };
      if (hasByte(element.set, byte)) moved.push(this.#after(frame));
    }
    const next = moved.length === 0 ? null : this.#closure(moved);
    state.next[byte] = next;
    return next ?? undefined;
  }

  /** The state behind a text; undefined where it is no beginning of one. */
  walk(text: string, from: State = this.start): State | undefined {
    let state: State | undefined = from;
    for (const byte of new TextEncoder().encode(text)) if (state) state = this.step(state, byte);
    return state;
  }

  /** All frames at byte sets that these lead to without a byte. */
  #closure(frames: readonly Frame[]): State {
    const waiting = [...frames];
    const seen = new Set<Frame>();
    const heads: Frame[] = [];
    /** For a counted call and what is under it: the least count from min on that was followed. */
    const least = new Map<number, number>();
    let ends = false;
    for (let frame = waiting.pop(); frame; frame = waiting.pop()) {
      if (seen.has(frame)) continue;
      seen.add(frame);
      if (seen.size > 4 * MOST_HEADS || heads.length > MOST_HEADS) throw tooAmbiguous();
      const element = frame.below ? this.#program.elements[frame.at] : undefined;
      if (!frame.below) ends = true;
      else if (!element) waiting.push(frame.below);
      else if (element.kind === "bytes") heads.push(frame);
      else this.#call(frame, element, least, waiting);
    }
    return this.#state(heads, ends);
  }

  #call(
    frame: Frame,
    { rule, min, max }: Element & { kind: "call" },
    least: Map<number, number>,
    out: Frame[],
  ): void {
    const { count } = frame;
    if (count >= min) {
      // from min on a smaller count allows all that a larger one does; this also ends calls that take nothing
      const key = frame.below!.id * PLACES + frame.at;
      if (count >= (least.get(key) ?? Number.POSITIVE_INFINITY)) return;
      least.set(key, count);
      out.push(this.#after(frame));
    }
    const more = Math.min(count + 1, max === Number.POSITIVE_INFINITY ? min : max);
    const back = count + 1 === max ? this.#after(frame) : this.#frame(frame.at, more, frame.below);
    for (const alternative of this.#alternatives(rule, back)) out.push(alternative);
  }

  #alternatives(rule: number, below: Frame): Frame[] {
    return this.#program.starts[rule]!.map((at) => this.#frame(at, 0, below));
  }

  /** Behind the element; what is under it where the alternative ends, so that a last call leaves no stack. */
  #after(frame: Frame): Frame {
    const at = frame.at + 1;
    return this.#program.elements[at] ? this.#frame(at, 0, frame.below) : frame.below!;
  }

  #frame(at: number, count: number, below: Frame | undefined): Frame {
    const key = at * COUNTS + count;
    const known = below?.above?.get(key);
    if (known) return known;
    const frame: Frame = { id: this.#frames++, at, count, below, above: undefined };
    if (!below) return frame;
    below.above ??= new Map();
    below.above.set(key, frame);
    return frame;
  }

  #state(heads: Frame[], ends: boolean): State {
    heads.sort((a, b) => a.id - b.id);
    const key = `${ends}${heads.map(({ id }) => id)}`;
    const known = this.#states.get(key);
    if (known) return known;
    const state: State = { heads, ends, next: [] };
    this.#states.set(key, state);
    this.#heads += heads.length;
    return state;
  }
}

/** What a text is refused with that can be read in too many ways. */
export function tooAmbiguous(): MnemeError {
  return new MnemeError(
    "BUDGET",
    "grammar: the text can be read in too many ways; rewrite rules that begin alike as one with a choice behind",
  );
}
