import { readFile } from "node:fs/promises";
import { MnemeError } from "../../errors.ts";
import { formatBytes } from "../../memory/units.ts";
import type { DownloadProgress, GenerateOptions, LoadOptions, Piece } from "../../model/index.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { wholeNumber } from "../library.ts";
import { note, printJson } from "../output.ts";

export default command({
  name: "generate",
  summary: "Continue a text, or answer a message, with a language model of the Llama family",
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
    "max-tokens": { type: "string", valueHint: "n", default: "256", description: "Tokens at most" },
    temperature: { type: "string", valueHint: "t", default: "0", description: "0 takes the likeliest token" },
    "top-p": { type: "string", valueHint: "p", description: "Only the likeliest tokens of this probability" },
    seed: { type: "string", valueHint: "n", description: "Same seed, same text" },
    stop: { type: "string", valueHint: "text", description: "Ends the text; is left out of it" },
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
    cache: {
      type: "string",
      valueHint: "policy",
      description:
        "What stays in the cache: int8, f16, f32, lloyd4, affine4, snapkv:1/8, window:512 ..., several joined by +",
    },
    precision: {
      type: "enum",
      options: ["int8", "int4", "bf16"],
      default: "int8",
      description: "How weights are kept in RAM",
    },
    "weight-cache": {
      type: "string",
      valueHint: "folder",
      description:
        'Where converted weights are kept for the next time, or "off"; default: ~/.cache/mneme/weights',
    },
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
    const { bundledModel, load } = await import("../../model/index.ts");
    const options = await optionsOf(args, signal);
    const started = performance.now();
    const precision = args.precision as NonNullable<LoadOptions["precision"]>;
    const weightCache = args["weight-cache"] === "off" ? false : args["weight-cache"];
    await using model = await load(args.model ?? bundledModel(), {
      precision,
      signal,
      ...(weightCache === undefined ? {} : { weightCache }),
      ...(args.quiet || args.json ? {} : { onProgress: downloadNotes() }),
    });
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

/** A line for each tenth of a file that comes. */
function downloadNotes(): (progress: DownloadProgress) => void {
  let last = "";
  return ({ file, done, total }) => {
    const line = `${file}: ${Math.floor((10 * done) / total) * 10}% of ${formatBytes(total)}`;
    if (line !== last) note(line, false);
    last = line;
  };
}

interface Flags {
  readonly "max-tokens"?: string | undefined;
  readonly temperature?: string | undefined;
  readonly "top-p"?: string | undefined;
  readonly seed?: string | undefined;
  readonly stop?: string | undefined;
  readonly schema?: string | undefined;
  readonly grammar?: string | undefined;
  readonly cache?: string | undefined;
}

async function optionsOf(args: Flags, signal: AbortSignal): Promise<GenerateOptions> {
  const topP = number(args["top-p"], "top-p");
  const seed = wholeNumber(args.seed, "seed");
  return {
    maxTokens: wholeNumber(args["max-tokens"], "max-tokens") ?? 256,
    temperature: number(args.temperature, "temperature") ?? 0,
    ...(topP === undefined ? {} : { topP }),
    ...(seed === undefined ? {} : { seed }),
    ...(args.stop === undefined ? {} : { stop: [args.stop] }),
    ...(args.cache === undefined ? {} : { cache: args.cache }),
    ...(args.schema === undefined ? {} : { schema: await schemaIn(args.schema) }),
    ...(args.grammar === undefined ? {} : { grammar: await textOf("grammar", args.grammar) }),
    signal,
  };
}

async function schemaIn(file: string): Promise<object> {
  const text = await textOf("schema", file);
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw new MnemeError("FORMAT", `--schema ${file}: not JSON; ${(cause as Error).message}`, { cause });
  }
}

async function textOf(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MnemeError("UNREADABLE", `--${flag} ${file}: cannot be read; is the path right?`, { cause });
  }
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new MnemeError("ARGUMENT", `--${name}: expected a number, got ${JSON.stringify(text)}`);
}
