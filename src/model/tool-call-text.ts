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
  /** From where a call may begin; read as far as #at, of that #whole characters are whole calls. */
  #held = "";
  #at = 0;
  #whole = 0;
  /** Behind what was read; undefined where no call was begun. */
  #state: State | undefined;
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
    this.#held += text;
    let out = "";
    while (this.#held !== "") {
      if (!this.#state) {
        out += this.#take(this.#isStart ? 0 : startOfMark(this.#held));
        if (this.#held === "") break;
        this.#state = (this.#isStart ? this.#atStart : this.#within).start;
        [this.#at, this.#whole] = [0, 0];
      }
      if (this.#read()) break;
      this.#isStart = false;
      out += this.#whole > 0 ? this.#keep(this.#take(this.#whole)) : this.#take(1);
    }
    return out;
  }

  /** @param isCut the text was not ended by the model: half a call is not given out. @returns what was held back and is no call */
  end(isCut: boolean): string {
    const out = this.#state && this.#whole > 0 ? this.#keep(this.#take(this.#whole)) : "";
    const rest = this.#take(this.#held.length);
    return isCut && rest.trim() !== "" ? out : out + rest;
  }

  /** Reads on. @returns whether what is held may still become a call, or another one */
  #read(): boolean {
    const recogniser = this.#isStart ? this.#atStart : this.#within;
    while (this.#at < this.#held.length) {
      const char = String.fromCodePoint(this.#held.codePointAt(this.#at)!);
      this.#state = recogniser.walk(char, this.#state);
      if (!this.#state) return false;
      this.#at += char.length;
      if (this.#state.ends) this.#whole = this.#at;
    }
    return true;
  }

  /** So many characters off what is held. */
  #take(count: number): string {
    const taken = this.#held.slice(0, count);
    this.#held = this.#held.slice(count);
    return taken;
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
