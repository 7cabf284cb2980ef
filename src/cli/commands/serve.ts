import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { Memory } from "../../memory/types.ts";
import { command, EXIT, writingArgs } from "../command.ts";
import { modelArgs, openModelThread } from "../language-model.ts";
import { wholeNumber, withLibrary } from "../library.ts";
import { note, printJson } from "../output.ts";

const MAX_PORT = 65_535;

export default command({
  name: "serve",
  summary: "Web console, HTTP API, OpenAI-compatible embeddings, MCP",
  args: {
    ...writingArgs,
    host: {
      type: "string",
      default: "127.0.0.1",
      description: "Address; any but a loopback one demands a token",
    },
    port: { type: "string", alias: "p", default: "4747", description: "Port; 0 takes a free one" },
    token: { type: "string", valueHint: "text", description: "Bearer token; default $MNEME_TOKEN" },
    mcp: { type: "boolean", description: "Speak MCP on standard input and output instead of HTTP" },
    ...modelArgs,
    model: {
      ...modelArgs.model,
      default: "none",
      description: "Language model of chats and answers: a folder, a GGUF file, hf:owner/name",
    },
    "read-only": { type: "boolean", description: "Refuse writes" },
  },
  examples: [
    ["mneme serve", "console at http://127.0.0.1:4747"],
    ["mneme serve --model ./SmolLM-135M-Instruct", "OpenAI-compatible chat with a model of your own too"],
    [
      "mneme serve --model hf:owner/name --precision int4 --cache lloyd4",
      "weights and caches at 4 bits, for less RAM",
    ],
    ["mneme serve --mcp", "tools for an MCP client over stdio"],
  ],
  async run(args, { signal }) {
    const port = wholeNumber(args.port, "port") ?? 4747;
    if (port > MAX_PORT)
      throw new MnemeError("RANGE", `--port: ${port} is no port; they go up to ${MAX_PORT}`);
    await using model = await openModelThread(args, signal);
    const serve = async (memory: Memory): Promise<number> => {
      throwIfAborted(signal, "serve"); // it came while the library was opened: no other would follow
      const ended = new Promise<void>((resolve) =>
        signal.addEventListener("abort", () => resolve(), { once: true }),
      );
      if (args.mcp) {
        const { serveMcpStdio } = await import("../../server/mcp.ts");
        await Promise.race([serveMcpStdio(memory), ended]);
        return EXIT.ok;
      }
      const { createServer } = await import("../../server/index.ts");
      const server = createServer(memory, model ? { model } : {});
      const token = args.token ?? process.env.MNEME_TOKEN;
      const { url } = await server.listen({
        host: args.host,
        port,
        ...(token ? { token } : {}),
      });
      if (args.json) printJson({ url });
      else note(`mneme: ${token ? `${url}/#token=${token}` : url} (Ctrl-C ends)`, args.quiet);
      await ended;
      await server.close();
      return EXIT.ok;
    };
    return await withLibrary(args, args["read-only"] ? "read" : "write", serve, model ? { model } : {});
  },
});
