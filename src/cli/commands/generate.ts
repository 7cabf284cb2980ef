import { MnemeError } from "../../errors.ts";
import type { GenerateOptions, Piece } from "../../model/index.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { loadArgs, needLanguageModel } from "../language-model.ts";
import { note, printJson } from "../output.ts";
import { type SamplingFlags, samplingArgs, samplingOptions } from "../sampling.ts";
import { textIn } from "../text-file.ts";

export default command({
  name: "generate",
  summary: "Continue a text, or answer a message, with a language model of the Llama family",
  takesMany: true,
  args: {
    ...commonArgs,
    prompt: { type: "positional", required: true, description: "The text, or the message with --chat" },
    model: {
      type: "string",
      valueHint: "model",
      description:
        "Folder of a Hugging Face checkpoint, a GGUF file, or hf:owner/name[/file.gguf][@revision]; default: the bundled mneme-lm",
    },
    chat: { type: "boolean", description: "The prompt is a message: use the model's chat template" },
    ...samplingArgs,
    schema: {
      type: "string",
      valueHint: "file",
      description: "The answer is JSON that is valid under this JSON Schema",
    },
    grammar: {
      type: "string",
      valueHint: "file",
      description: "The answer follows this grammar, in GBNF as llama.cpp reads it",
    },
    ...loadArgs,
  },
  examples: [
    ["mneme generate --model ./SmolLM-135M 'The capital of France is'", "the text, as it comes"],
    ["mneme generate --model ./model --chat --json 'Say hello'", "text, tokens and speed as JSON"],
    [
      "mneme generate --model ./model --chat --schema ticket.json 'The upload fails'",
      "an answer that is valid JSON",
    ],
  ],
  async run(args, { signal }) {
    const options = await optionsOf(args, signal);
    const started = performance.now();
    await using model = await needLanguageModel(args, signal);
    const loaded = performance.now();
    const prompt = args._.join(" ");
    const pieces = args.chat
      ? model.chat([{ role: "user", content: prompt }], options)
      : model.generate(prompt, options);
    let text = "";
    let done: Extract<Piece, { type: "done" }> | undefined;
    for await (const piece of pieces) {
      if (piece.type === "done") done = piece;
      else text += piece.text;
      if (piece.type === "text" && !args.json) process.stdout.write(piece.text);
    }
    const [loadMs, ms] = [loaded - started, performance.now() - loaded];
    const tokensPerSecond = (1000 * done!.generatedTokens) / ms;
    const { type: _, ...counts } = done!;
    if (args.json) printJson({ text, ...counts, loadMs, ms, tokensPerSecond, bytes: model.bytes });
    else {
      process.stdout.write("\n");
      const { promptTokens, generatedTokens } = counts;
      note(
        `${promptTokens} tokens in, ${generatedTokens} out, ${tokensPerSecond.toFixed(0)} a second; loaded in ${(loadMs / 1000).toFixed(1)} s`,
        args.quiet,
      );
    }
    return EXIT.ok;
  },
});

interface Flags extends SamplingFlags {
  readonly schema?: string | undefined;
  readonly grammar?: string | undefined;
}

async function optionsOf(args: Flags, signal: AbortSignal): Promise<GenerateOptions> {
  return {
    ...samplingOptions(args),
    ...(args.schema === undefined ? {} : { schema: await schemaIn(args.schema) }),
    ...(args.grammar === undefined ? {} : { grammar: await textIn(args.grammar, "grammar") }),
    signal,
  };
}

async function schemaIn(file: string): Promise<object> {
  const text = await textIn(file, "schema");
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new MnemeError("FORMAT", `--schema ${file}: not JSON; ${(cause as Error).message}`, { cause });
  }
}
