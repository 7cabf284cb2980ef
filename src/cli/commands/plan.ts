import { MnemeError } from "../../errors.ts";
import { formatBytes, parseBytes } from "../../memory/units.ts";
import type { Plan } from "../../model/index.ts";
import { command, commonArgs, EXIT } from "../command.ts";
import { wholeNumber } from "../library.ts";
import { print, printJson, table } from "../output.ts";

export default command({
  name: "plan",
  summary: "What a language model would need in RAM, before it is loaded; and what fits a budget",
  args: {
    ...commonArgs,
    model: {
      type: "string",
      required: true,
      valueHint: "path",
      description:
        "Folder of a Hugging Face checkpoint, a GGUF file, or hf:owner/name[/file.gguf][@revision]",
    },
    context: {
      type: "string",
      required: true,
      valueHint: "n",
      description: "Tokens of prompt and answer together",
    },
    budget: {
      type: "string",
      valueHint: "bytes",
      description: "RAM that the model may take, e.g. 512MB; default: the machine's memory",
    },
  },
  examples: [
    [
      "mneme plan --model ./SmolLM-135M --context 2048 --budget 512MB",
      "the best precision and cache that fit",
    ],
    ["mneme plan --model hf:owner/name --context 4096", "before it is downloaded"],
    ["mneme plan --model ./model.gguf --context 8192 --json", "all bytes as JSON"],
  ],
  async run(args, { signal }) {
    const contextTokens = wholeNumber(args.context, "context");
    if (!args.model || contextTokens === undefined)
      throw new MnemeError("ARGUMENT", "plan: --model and --context are needed");
    const { plan } = await import("../../model/index.ts");
    const budget = args.budget === undefined ? {} : { budgetBytes: parseBytes(args.budget, "--budget") };
    const found = await plan(args.model, contextTokens, { ...budget, signal });
    if (args.json) printJson(found);
    else for (const line of linesOf(found)) print(line);
    return found.proposal ? EXIT.ok : EXIT.failed;
  },
});

function linesOf(found: Plan): string[] {
  const { architecture, contextTokens, mostTokens, scratch, budgetBytes, proposal, missingBytes } = found;
  const rows = found.choices.map(({ precision, cacheCodec, bytes, fits }) => [
    precision,
    cacheCodec,
    formatBytes(found.weights[precision]),
    formatBytes(found.cache[cacheCodec]),
    formatBytes(bytes),
    fits ? "fits" : why(bytes - budgetBytes),
  ]);
  return [
    `${architecture}, ${contextTokens} of ${mostTokens} tokens, work space ${formatBytes(scratch)}, budget ${formatBytes(budgetBytes)}`,
    table([["precision", "cache as", "weights", "cache", "together", ""], ...rows]),
    proposal
      ? `best that fits: --precision ${proposal.precision} --cache ${proposal.cacheCodec}`
      : `nothing fits: ${why(missingBytes)}`,
  ];
}

/** Of what exceeds the budget; where nothing does, one memory is too small for the cache. */
function why(tooMuch: number): string {
  return tooMuch > 0 ? `${formatBytes(tooMuch)} too much` : "a cache of more than 4 GiB";
}
