import { createInterface } from "node:readline";
import { MnemeError } from "../../errors.ts";
import type { Memory } from "../../memory/types.ts";
import type { ChatMessage, GenerateOptions, LanguageModel } from "../../model/index.ts";
import { command, EXIT, libraryArgs } from "../command.ts";
import { modelArgs, openLanguageModel } from "../language-model.ts";
import { withLibrary } from "../library.ts";
import { accent, dim, note, print, printJson } from "../output.ts";
import { samplingArgs, samplingOptions } from "../sampling.ts";

export default command({
  name: "chat",
  summary: "Ask one question after another, of the library or of a language model alone",
  args: {
    ...libraryArgs,
    ...modelArgs,
    "no-library": {
      type: "boolean",
      description: "Talk with the model itself; it remembers the conversation",
    },
    system: { type: "string", valueHint: "text", description: "Told to the model before the conversation" },
    ...samplingArgs,
  },
  examples: [
    ["mneme chat", "a prompt; each line is answered from the library"],
    ["mneme chat --no-library --model ./SmolLM-135M-Instruct", "a conversation with the model"],
    ["mneme chat --json < questions.txt", "a line of JSON for each line"],
  ],
  async run(args, { signal, rawArgs }) {
    await using model = await openLanguageModel(args, signal);
    // read as it was typed: a parser takes it for "--library false"
    if (rawArgs.includes("--no-library")) {
      if (!model)
        throw new MnemeError("ARGUMENT", "chat: --no-library needs a model; name its folder with --model");
      const talk = new Conversation(model, args.system, { ...samplingOptions(args), signal });
      return await everyLine(signal, (line) => talk.answer(line, args.json === true));
    }
    const work = (memory: Memory): Promise<number> => {
      const turns: ChatMessage[] = [];
      return everyLine(signal, async (line) => {
        turns.push({ role: "user", content: line });
        turns.push({ role: "assistant", content: await answerFrom(memory, line, turns, args, signal) });
      });
    };
    return await withLibrary(args, "read", work, model ? { model } : {});
  },
});

/** Lines of standard input, with a prompt where a person types them, until there are no more. */
async function everyLine(signal: AbortSignal, answer: (line: string) => Promise<void>): Promise<number> {
  const asks = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    ...(asks ? { output: process.stdout, prompt: "> " } : {}),
    signal,
  });
  // the first Ctrl-C belongs to the process, which ends the answer and the command
  lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  if (asks) lines.prompt();
  try {
    for await (const line of lines) {
      signal.throwIfAborted();
      if (line.trim() !== "") await answer(line.trim());
      if (asks) lines.prompt();
    }
  } finally {
    lines.close();
  }
  return EXIT.ok;
}

/** @returns the answer, or why there is none */
async function answerFrom(
  memory: Memory,
  question: string,
  turns: readonly ChatMessage[],
  args: { json?: boolean | undefined; quiet?: boolean | undefined },
  signal: AbortSignal,
): Promise<string> {
  const sources = new Map<number, string>();
  let text = "";
  let reason = "";
  for await (const part of memory.chat(turns, { signal })) {
    text += part.text;
    if (part.type === "citation") {
      const { number, id, title, place } = part.citation;
      sources.set(number, `[${number}] ${title || id}  ${id}:${place.line}`);
    }
    if (!args.json) process.stdout.write(part.type === "citation" ? accent(part.text) : part.text);
    if (part.type !== "done") continue;
    reason = part.reason ?? "";
    const { type: _, text: __, ...end } = part;
    if (args.json) printJson({ question, ...end, text, sources: [...sources.values()] });
    else {
      print(part.answered ? "" : `${part.reason}`);
      for (const source of sources.values()) print(dim(source));
      for (const one of part.notes) note(`note: ${one}`, args.quiet);
    }
  }
  return text || reason;
}

/** Turns of a person and a model; the oldest are left out once the context has no room for all. */
class Conversation {
  readonly #model: LanguageModel;
  readonly #system: readonly ChatMessage[];
  readonly #options: GenerateOptions;
  #turns: ChatMessage[] = [];

  constructor(model: LanguageModel, system: string | undefined, options: GenerateOptions) {
    this.#model = model;
    this.#system = system === undefined ? [] : [{ role: "system", content: system }];
    this.#options = options;
  }

  async answer(line: string, json: boolean): Promise<void> {
    this.#turns.push({ role: "user", content: line });
    await this.#makeRoom();
    let text = "";
    for await (const piece of this.#model.chat([...this.#system, ...this.#turns], this.#options)) {
      if (piece.type === "text") {
        text += piece.text;
        if (!json) process.stdout.write(piece.text);
      } else if (piece.type === "done" && json) {
        const { type: _, ...counts } = piece;
        printJson({ question: line, text, ...counts });
      }
    }
    if (!json) print();
    this.#turns.push({ role: "assistant", content: text });
  }

  async #makeRoom(): Promise<void> {
    const room = this.#model.config.context - (this.#options.maxTokens ?? 0);
    while (this.#turns.length > 2) {
      const prompt = await this.#model.chatPrompt([...this.#system, ...this.#turns]);
      if ((await this.#model.encode(prompt)).length < room) return;
      this.#turns = this.#turns.slice(2);
    }
  }
}
