/**
 * Calls of tools in the text of a model, as it comes: `{"name", "arguments"}`, with "parameters" as Llama 3.1 writes, one or a list of
 * them at the start of the text; `<tool_call>{...}</tool_call>` of Hermes and Qwen and `[TOOL_CALLS][...]` of Mistral anywhere.
 * What may be a call is a grammar, so text is held back exactly while it may still become one.
 */
import { Random } from "../linalg/random.ts";
import type { GenerateOptions, Piece } from "./generate.ts";
import type { Grammar } from "./grammar/expression.ts";
import { parseGbnf } from "./grammar/gbnf.ts";
import { programOf } from "./grammar/program.ts";
import { Recogniser, type State } from "./grammar/recogniser.ts";
import type { ChatPiece, Tool, ToolCall } from "./tools.ts";

const CALLS = String.raw`
root   ::= ws ( call ( ws [;,]? ws call )* ws | list ws | marked )
marked ::= ( "<tool_call>" ws call ws "</tool_call>" ws | "[TOOL_CALLS]" ws list ws )+
list   ::= "[" ws call ( ws "," ws call )* ws "]"
call   ::= "{" ws member ( ws "," ws member )* ws "}"
member ::= "\"name\"" colon "\"" name "\"" | ( "\"arguments\"" | "\"parameters\"" ) colon ( object | string )
  | "\"type\"" colon "\"function\"" | "\"id\"" colon string | "\"function\"" colon call
object ::= "{" ws ( string colon value ( ws "," ws string colon value )* ws )? "}"
array  ::= "[" ws ( value ( ws "," ws value )* ws )? "]"
value  ::= object | array | string | "true" | "false" | "null" | "-"? [0-9]+ ( "." [0-9]+ )? ( [eE] [-+]? [0-9]+ )?
string ::= "\"" ( [^"\\\x00-\x1f] | "\\" [^\x00-\x1f] )* "\""
colon  ::= ws ":" ws
ws     ::= [ \t\r\n]*
`;

type Named = Omit<ToolCall, "id">;

export class ToolCallText {
  readonly #atStart: Recogniser;
  readonly #within: Recogniser;
  /** From where a call may begin. */
  #held = "";
  #isStart = true;
  readonly #calls: Named[] = [];

  constructor(tools: readonly Tool[]) {
    const names = tools.map((tool) => JSON.stringify(tool.function.name)).join(" | ");
    const { rules } = parseGbnf(`${CALLS}\nname ::= ${names}`);
    const recogniser = (root: string): Recogniser =>
      new Recogniser(programOf({ root, rules } satisfies Grammar));
    this.#atStart = recogniser("root");
    this.#within = recogniser("marked");
  }

  /** The calls so far, in their order. */
  get calls(): readonly Named[] {
    return this.#calls;
  }

  /** @returns the text that is surely no part of a call */
  push(text: string): string {
    let rest = this.#held + text;
    let out = "";
    while (rest !== "") {
      const start = this.#isStart ? 0 : startOfMark(rest);
      out += rest.slice(0, start);
      rest = rest.slice(start);
      const { whole, isOpen } = this.#read(rest);
      if (isOpen) break;
      this.#isStart = false;
      if (whole === 0) {
        out += rest.slice(0, 1);
        rest = rest.slice(1);
      } else {
        out += this.#keep(rest.slice(0, whole));
        rest = rest.slice(whole);
      }
    }
    this.#held = rest;
    return out;
  }

  /** @param isCut the text was not ended by the model: half a call is not given out. @returns what was held back and is no call */
  end(isCut: boolean): string {
    const { whole } = this.#read(this.#held);
    const rest = this.#held.slice(whole);
    const out = whole > 0 ? this.#keep(this.#held.slice(0, whole)) : "";
    this.#held = "";
    return isCut && rest.trim() !== "" ? out : out + rest;
  }

  /** How much of the text is whole calls, and whether what follows may make it more of them. */
  #read(text: string): { readonly whole: number; readonly isOpen: boolean } {
    const recogniser = this.#isStart ? this.#atStart : this.#within;
    let state: State | undefined = recogniser.start;
    let [at, whole] = [0, 0];
    for (const char of text) {
      state = recogniser.walk(char, state);
      if (!state) return { whole, isOpen: false };
      at += char.length;
      if (state.ends) whole = at;
    }
    return { whole, isOpen: true };
  }

  /** @returns the text where it is no call after all: a name or arguments are missing */
  #keep(text: string): string {
    const calls = objectsIn(text).map(callOf);
    if (calls.includes(undefined)) return text;
    this.#calls.push(...(calls as Named[]));
    return "";
  }
}

function startOfMark(text: string): number {
  const at = text.search(/[<[]/);
  return at < 0 ? text.length : at;
}

/** The outermost objects of JSON in a text of calls; between them are signs and marks alone. */
function objectsIn(text: string): unknown[] {
  const out: unknown[] = [];
  let [depth, start] = [0, 0];
  for (const { index, 0: sign } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    if (sign === "{" && depth++ === 0) start = index;
    if (sign === "}" && --depth === 0) out.push(parsed(text.slice(start, index + 1)));
  }
  return out;
}

function callOf(value: unknown): Named | undefined {
  const call = value as
    | { name?: string; arguments?: unknown; parameters?: unknown; function?: unknown }
    | undefined;
  if (call?.function !== undefined) return callOf(call.function);
  const given = call?.arguments ?? call?.parameters;
  const read = typeof given === "string" ? parsed(given) : given;
  if (call?.name === undefined || typeof read !== "object" || read === null || Array.isArray(read))
    return undefined;
  return { name: call.name, arguments: read as Readonly<Record<string, unknown>> };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // looks like JSON and is none, such as an escape that does not exist
    return undefined;
  }
}

/** The pieces with the calls in their text taken out of it and given before the end, whose finish they are then. */
export async function* piecesWithCalls(
  pieces: AsyncIterable<Piece>,
  tools: readonly Tool[],
  { seed = Math.floor(Math.random() * 2 ** 32) }: GenerateOptions,
): AsyncGenerator<ChatPiece> {
  const reader = new ToolCallText(tools);
  for await (const piece of pieces) {
    if (piece.type === "text") {
      const text = reader.push(piece.text);
      if (text !== "" || piece.logprob) yield { ...piece, text };
    } else {
      const text = reader.end(piece.finish === "length");
      if (text !== "") yield { type: "text", text };
      const random = new Random(seed + piece.promptTokens);
      const calls = reader.calls.map((call) => ({ id: callId(random), ...call }));
      if (calls.length > 0) yield { type: "tool_calls", calls };
      yield calls.length > 0 ? { ...piece, finish: "tool_calls" } : piece;
    }
  }
}

const ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Nine characters: Mistral's templates take no other. */
function callId(random: Random): string {
  return Array.from({ length: 9 }, () => ID_CHARACTERS[random.integer(ID_CHARACTERS.length)]).join("");
}
