/** Tools: told in the prompt, called in the text, never half a call in what is streamed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isValid } from "../../test/support/json-validator.ts";
import { type ChatMessage, type ChatTemplate, openChatTemplate } from "./chat-template.ts";
import { grammarOfSchema } from "./grammar/json-schema.ts";
import { programOf } from "./grammar/program.ts";
import { Recogniser } from "./grammar/recogniser.ts";
import { load } from "./load.ts";
import { piecesWithCalls, ToolCallText } from "./tool-call-text.ts";
import { argumentsKey, type ChatOptions, callSchema, messagesFor, type Tool, toolsOf } from "./tools.ts";

const weather: Tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather of a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string", maxLength: 12 }, days: { $ref: "#/$defs/days" } },
      required: ["city"],
      $defs: { days: { type: "integer", minimum: 1, maximum: 7 } },
    },
  },
};
const clock: Tool = { type: "function", function: { name: "clock" } };
const tools = [weather, clock];

/** What comes out for text in pieces. */
function read(pieces: readonly string[], isCut = false): { text: string; calls: unknown } {
  const reader = new ToolCallText(tools);
  const text = pieces.map((piece) => reader.push(piece)).join("") + reader.end(isCut);
  return { text, calls: reader.calls.map((call) => [call.name, call.arguments]) };
}

const CALL = '{"name": "get_weather", "arguments": {"city": "Köln } \\"x\\"", "days": 2}}';
const KOELN = ["get_weather", { city: 'Köln } "x"', days: 2 }];
const CLOCK = ["clock", {}];

describe("calls in a text", () => {
  const cases: readonly (readonly [name: string, text: string, rest: string, calls: readonly unknown[]])[] = [
    ["bare", CALL, "", [KOELN]],
    ["Llama 3.1", '{"name": "clock", "parameters": {}}', "", [CLOCK]],
    ["Llama 3.1, two", `{"name": "clock", "parameters": {}}; ${CALL}`, "", [CLOCK, KOELN]],
    [
      "with a type and other blanks",
      '\n{ "type" : "function",\n"name":"clock" , "arguments":{ } }\n',
      "",
      [CLOCK],
    ],
    ["in OpenAI's shape", `[{"id": "a", "type": "function", "function": ${CALL}}]`, "", [KOELN]],
    ["arguments as text", '{"name":"clock","arguments":"{\\"zone\\":1}"}', "", [["clock", { zone: 1 }]]],
    ["Hermes", `<tool_call>\n${CALL}\n</tool_call>`, "", [KOELN]],
    [
      "Hermes behind words, two",
      `Let me see.\n<tool_call>${CALL}</tool_call>\n<tool_call>{"name":"clock","arguments":{}}</tool_call>`,
      "Let me see.\n",
      [KOELN, CLOCK],
    ],
    ["Mistral", `[TOOL_CALLS][${CALL}, {"name":"clock","arguments":{}}]`, "", [KOELN, CLOCK]],
    ["Mistral's mark left out", `[${CALL}]`, "", [KOELN]],
    ["words behind a call", `${CALL}\nDone <b>`, "Done <b>", [KOELN]],
    ["no call", "It is <b>warm</b> [1] today.", "It is <b>warm</b> [1] today.", []],
    ["JSON that is none", '{"answer": 3}', '{"answer": 3}', []],
    ["an unknown tool", '{"name": "rm", "arguments": {}}', '{"name": "rm", "arguments": {}}', []],
    ["no arguments", '{"name": "clock"}', '{"name": "clock"}', []],
    [
      "arguments that are no object",
      '{"name":"clock","arguments":"3"}',
      '{"name":"clock","arguments":"3"}',
      [],
    ],
    ["a bare call within words", `I say ${CALL}`, `I say ${CALL}`, []],
    ["half a call at the end", `${CALL.slice(0, 40)}`, `${CALL.slice(0, 40)}`, []],
    ["blanks", " \n", " \n", []],
    ["nothing", "", "", []],
  ];

  test.each(cases)("%s", (_, text, rest, calls) => {
    expect(read([text])).toEqual({ text: rest, calls });
  });

  test("are the same however the text is cut, and no sign of one goes out before", () =>
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
        ([, text, rest, calls], sizes) => {
          const reader = new ToolCallText(tools);
          let [at, out] = [0, ""];
          for (let i = 0; at < text.length; i++) {
            const size = sizes[i % sizes.length]!;
            out += reader.push(text.slice(at, at + size));
            at += size;
            expect(rest.startsWith(out)).toBe(true);
          }
          out += reader.end(false);
          expect({ text: out, calls: reader.calls.map((call) => [call.name, call.arguments]) }).toEqual({
            text: rest,
            calls,
          });
        },
      ),
      { seed: 8, numRuns: 150 },
    ));

  test("text that is surely no call is not held back", () => {
    const reader = new ToolCallText(tools);
    expect(["Hel", "lo <", "b> [", "1] {"].map((piece) => reader.push(piece))).toEqual([
      "Hel",
      "lo ",
      "<b> ",
      "[1] {",
    ]);
    const json = new ToolCallText(tools);
    expect(['{"na', 'me": "', "x"].map((piece) => json.push(piece))).toEqual(["", "", '{"name": "x']);
  });

  test("half a call is not given out where the text is cut", () => {
    expect(read([CALL.slice(0, 40)], true)).toEqual({ text: "", calls: [] });
    expect(read([`Now: <tool_call>${CALL}</tool_call><tool_call>{"na`], true)).toEqual({
      text: "Now: ",
      calls: [KOELN],
    });
    expect(read(["1 < 2"], true)).toEqual({ text: "1 < 2", calls: [] });
  });

  test("come as a piece before the end", async () => {
    async function* model(): AsyncGenerator<
      | { type: "text"; text: string }
      | {
          type: "done";
          finish: "stop";
          promptTokens: number;
          cachedTokens: number;
          missed: string;
          generatedTokens: number;
          cacheBytes: number;
        }
    > {
      for (const text of ["Wait. ", "<tool_", `call>${CALL}</tool_call>`]) yield { type: "text", text };
      yield {
        type: "done",
        finish: "stop",
        promptTokens: 3,
        cachedTokens: 0,
        missed: "",
        generatedTokens: 9,
        cacheBytes: 0,
      };
    }
    const of = async (seed: number): Promise<unknown[]> => {
      const out = [];
      for await (const piece of piecesWithCalls(model(), tools, { seed })) out.push(piece);
      return out;
    };
    const id = expect.stringMatching(/^[0-9A-Za-z]{9}$/);
    expect(await of(1)).toEqual([
      { type: "text", text: "Wait. " },
      { type: "tool_calls", calls: [{ id, name: "get_weather", arguments: KOELN[1] }] },
      {
        type: "done",
        finish: "tool_calls",
        promptTokens: 3,
        cachedTokens: 0,
        missed: "",
        generatedTokens: 9,
        cacheBytes: 0,
      },
    ]);
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).not.toEqual(await of(2));
  });
});

describe("prompts", () => {
  const open = (source: string): Promise<ChatTemplate> =>
    openChatTemplate(source, {}, "tokenizer_config.json");
  const QWEN =
    "{% if tools %}TOOLS{% for tool in tools %} {{ tool | tojson }}{% endfor %};{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}" +
    '{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}</tool_call>{% endfor %}{% endif %};{% endfor %}';
  const PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  const talk: readonly ChatMessage[] = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Weather?" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "c1", function: { name: "get_weather", arguments: '{"city":"Bonn"}' } }],
    },
    { role: "tool", tool_call_id: "c1", content: "12 °C" },
  ];

  test("a template that knows tools gets them, and arguments as objects", async () => {
    const template = await open(QWEN);
    const text = template.render(messagesFor(template, talk, [clock]), { tools: [clock] });
    expect(text).toBe(
      'TOOLS {"type": "function", "function": {"name": "clock"}};system: Be brief.;user: Weather?;' +
        'assistant: <tool_call>{"name": "get_weather", "arguments": {"city": "Bonn"}}</tool_call>;tool: 12 °C;',
    );
  });

  test("another is told in a system message, and results come as text", async () => {
    const template = await open(`${PLAIN}{# system #}`);
    const messages = messagesFor(template, talk, [clock]);
    expect(messages[0]!.content).toMatch(
      /^Be brief\.\n\nYou may call these functions:\n\{"name":"clock","parameters":\{"type":"object","properties":\{\}\}\}\nTo call one/,
    );
    expect(template.render(messages.slice(1))).toBe(
      'user: Weather?\nassistant: {"name":"get_weather","arguments":{"city":"Bonn"}}\nuser: Result of get_weather:\n12 °C\n',
    );
    expect(messagesFor(template, talk.slice(1), tools)[0]!.role).toBe("system");
  });

  test("one without a system is told before the user's words", async () => {
    const [first, ...rest] = messagesFor(await open(PLAIN), talk.slice(1, 2), [clock]);
    expect(first).toMatchObject({
      role: "user",
      content: expect.stringMatching(/^You may call[\s\S]*\n\nWeather\?$/),
    });
    expect(rest).toEqual([]);
  });

  test("arguments that are no JSON are refused", async () => {
    const bad: ChatMessage[] = [
      { role: "assistant", content: "", tool_calls: [{ function: { name: "clock", arguments: "{" } }] },
    ];
    const template = await open(PLAIN);
    expect(() => messagesFor(template, bad)).toThrow(/arguments of a tool call are no JSON/);
  });

  test("arguments are called as the template calls them", async () => {
    expect(argumentsKey(await open(QWEN))).toBe("arguments");
    expect(argumentsKey(await open(PLAIN))).toBe("arguments");
    expect(argumentsKey(await open(`{# {"name": name, "parameters": {} } #}`))).toBe("parameters");
  });
});

describe("an answer that must be a call", () => {
  const accepts = (schema: object, text: string): boolean =>
    new Recogniser(programOf(grammarOfSchema(schema))).walk(text)?.ends ?? false;

  test("follows the tools' parameters, references among them", () => {
    const any = callSchema(tools, "required", "arguments")!;
    expect(accepts(any, '{"name":"clock","arguments":{}}')).toBe(true);
    expect(accepts(any, '{"name": "get_weather", "arguments": {"city": "Bonn", "days": 7}}')).toBe(true);
    expect(accepts(any, '{"name":"get_weather","arguments":{"city":"Bonn","days":8}}')).toBe(false);
    expect(accepts(any, '{"name":"get_weather","arguments":{}}')).toBe(false);
    const named = callSchema(tools, { function: { name: "clock" } }, "parameters")!;
    expect(accepts(named, '{"name":"clock","parameters":{}}')).toBe(true);
    expect(accepts(named, '{"name":"get_weather","parameters":{"city":"Bonn"}}')).toBe(false);
    expect(callSchema(tools, "auto", "arguments")).toBe(undefined);
  });

  const folder = fileURLToPath(new URL("../../../shared/models/mneme-lm", import.meta.url));
  test.skipIf(!existsSync(join(folder, "config.json")))(
    "is one, by a model that knows no tools",
    async () => {
      await using model = await load(folder, { workers: 0 });
      for (const temperature of [0, 1]) {
        const options: ChatOptions = {
          tools,
          toolChoice: { function: { name: "get_weather" } },
          temperature,
          seed: 3,
          maxTokens: 80,
        };
        const pieces = [];
        for await (const piece of model.chat([{ role: "user", content: "How warm is it in Bonn?" }], options))
          pieces.push(piece);
        expect(pieces.map((piece) => piece.type)).toEqual(["tool_calls", "done"]);
        expect(pieces[1]).toMatchObject({ finish: "tool_calls" });
        const calls = pieces[0]!.type === "tool_calls" ? pieces[0]!.calls : [];
        expect(
          calls.map((call) => [call.name, isValid(weather.function.parameters as never, call.arguments)]),
        ).toEqual([["get_weather", true]]);
      }
      const free = [];
      for await (const piece of model.chat([{ role: "user", content: "How warm is it in Bonn?" }], {
        tools,
        maxTokens: 12,
      }))
        free.push(piece.type);
      expect(free.at(-1)).toBe("done");
    },
  );
});

describe("refused", () => {
  test.each<[ChatOptions, RegExp]>([
    [{ tools: [{ type: "function", function: { name: "a b" } }] }, /expected \{type: "function"/],
    [{ tools: [clock, clock] }, /two tools have the name "clock"/],
    [
      { tools: [clock], toolChoice: { function: { name: "x" } } },
      /toolChoice names "x"; the tools are clock/,
    ],
    [{ toolChoice: "required" }, /there are no tools/],
    [{ tools: [clock], toolChoice: "always" as "auto" }, /toolChoice is "always"/],
    [{ tools: [clock], schema: true }, /tools together with grammar or schema/],
  ])("%j", (options, message) => {
    expect(() => toolsOf(options)).toThrow(message);
  });

  test("nothing where no tool may be called", () => {
    expect(toolsOf({ tools, toolChoice: "none", schema: true })).toEqual([]);
    expect(toolsOf({})).toEqual([]);
  });
});
