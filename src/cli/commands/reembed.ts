import type { Embedder } from "../../embed/embedder.ts";
import { MnemeError } from "../../errors.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { endpointOfEnvironment } from "../embedder.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { print, printJson } from "../output.ts";
import { progressView } from "../progress.ts";

export default command({
  name: "reembed",
  summary: "Move the library to another embedding model; resumable, the old space serves meanwhile",
  args: {
    ...writingArgs,
    to: {
      type: "enum",
      options: ["bundled", "openai", "transformers"],
      required: true,
      description: "Kind of the new embedder",
    },
    dim: { type: "string", valueHint: "n", description: "Dimension (bundled: 512, 256, 128 or 64)" },
    model: {
      type: "string",
      valueHint: "name",
      description: "Model of an endpoint or of @huggingface/transformers",
    },
    url: {
      type: "string",
      valueHint: "url",
      description:
        "Base URL of an OpenAI-compatible API, e.g. http://127.0.0.1:8080/v1; default: $OPENAI_BASE_URL",
    },
  },
  examples: [
    ["mneme reembed --to bundled --dim 256", "half the vector bytes"],
    [
      "mneme reembed --to openai --url http://127.0.0.1:8080/v1 --model bge-small",
      "vectors of a local server",
    ],
  ],
  async run(args, { signal }) {
    const dim = wholeNumber(args.dim, "dim");
    const embedder = await makeEmbedder(args.to, { dim, model: args.model, url: args.url });
    return withLibrary(args, "write", async (memory) => {
      using view = progressView("reembed", args.quiet);
      const { passages } = await memory.reembed(embedder, { signal, onProgress: view.onProgress });
      view[Symbol.dispose]();
      if (args.json) printJson({ passages, space: memory.info().space });
      else
        print(
          `${passages} passages embedded; the library answers from ${memory.info().space.model} (${memory.info().space.dim} values)`,
        );
      return EXIT.ok;
    });
  },
});

interface Wanted {
  readonly dim: number | undefined;
  readonly model: string | undefined;
  readonly url: string | undefined;
}

async function makeEmbedder(kind: string, { dim, model, url }: Wanted): Promise<Embedder> {
  if (kind === "bundled")
    return (await import("../../embed/bundled.ts")).bundledEmbedder(
      dim === undefined ? {} : { dim: dim as 512 },
    );
  if (!model) throw new MnemeError("ARGUMENT", `reembed --to ${kind}: name the model with --model`);
  if (kind === "transformers")
    return (await import("../../embed/transformers.ts")).transformersEmbedder({ model });
  const { url: named, apiKey } = endpointOfEnvironment();
  const baseURL = url ?? named;
  if (!baseURL)
    throw new MnemeError("ARGUMENT", "reembed --to openai: name the API with --url or OPENAI_BASE_URL");
  return (await import("../../embed/openai.ts")).openaiEmbedder({
    baseURL,
    model,
    ...(dim ? { dim } : {}),
    ...(apiKey ? { apiKey } : {}),
  });
}
