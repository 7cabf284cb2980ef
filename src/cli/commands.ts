/** The table of sub-commands: a line each for the overview, the code loaded when it is called. */
import type { Command, CommandEntry } from "./command.ts";

// biome-ignore lint/suspicious/noExplicitAny: each command has its own flags; the table forgets which
const loaded = (module: Promise<{ default: Command<any> }>): Promise<Command> =>
  module.then((m) => m.default as Command);

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "index",
    summary: "Bring folders or files into the library; again = only what changed",
    load: () => loaded(import("./commands/index-folder.ts")),
  },
  {
    name: "search",
    summary: "Find passages by words and meaning",
    load: () => loaded(import("./commands/search.ts")),
  },
  {
    name: "facets",
    summary: "What items are filed under, with counts: of all, or of what a query finds",
    load: () => loaded(import("./commands/facets.ts")),
  },
  {
    name: "find",
    summary: "Find a quotation, letter by letter, with some that may differ",
    load: () => loaded(import("./commands/find.ts")),
  },
  {
    name: "count",
    summary: "How often a text occurs, letter by letter",
    load: () => loaded(import("./commands/count.ts")),
  },
  {
    name: "locate",
    summary: "Where a text occurs, letter by letter",
    load: () => loaded(import("./commands/locate.ts")),
  },
  {
    name: "ask",
    summary: "Answer a question with cited passages",
    load: () => loaded(import("./commands/ask.ts")),
  },
  {
    name: "chat",
    summary: "Ask one question after another, of the library or of a language model alone",
    load: () => loaded(import("./commands/chat.ts")),
  },
  { name: "list", summary: "List items, or show one", load: () => loaded(import("./commands/list.ts")) },
  {
    name: "tag",
    summary: "Suggest tags for a text from those of items like it",
    load: () => loaded(import("./commands/tag.ts")),
  },
  {
    name: "forget",
    summary: "Forget items by id, filter or age; undo for a while",
    load: () => loaded(import("./commands/forget.ts")),
  },
  {
    name: "stats",
    summary: "What holds which bytes, against the budget",
    load: () => loaded(import("./commands/stats.ts")),
  },
  {
    name: "snapshot",
    summary: "Write the library to one portable, checksummed file",
    load: () => loaded(import("./commands/snapshot.ts")),
  },
  {
    name: "restore",
    summary: "Make a library from a snapshot",
    load: () => loaded(import("./commands/restore.ts")),
  },
  {
    name: "compact",
    summary: "Give back the space of forgotten and replaced items",
    load: () => loaded(import("./commands/compact.ts")),
  },
  {
    name: "reembed",
    summary: "Move the library to another embedding model",
    load: () => loaded(import("./commands/reembed.ts")),
  },
  {
    name: "serve",
    summary: "Web console, HTTP API, OpenAI-compatible embeddings, MCP",
    load: () => loaded(import("./commands/serve.ts")),
  },
  {
    name: "generate",
    summary: "Continue a text with a language model of the Llama family",
    load: () => loaded(import("./commands/generate.ts")),
  },
  {
    name: "plan",
    summary: "What a language model would need in RAM, and what fits a budget",
    load: () => loaded(import("./commands/plan.ts")),
  },
  {
    name: "weights",
    summary: "Converted weights of language models that are kept: list them, or clear them away",
    load: () => loaded(import("./commands/weights.ts")),
  },
  {
    name: "eval",
    summary: "Judge retrieval on your own queries and judgements",
    load: () => loaded(import("./commands/eval.ts")),
  },
  {
    name: "contamination",
    summary: "How much of a benchmark stands in the library, letter by letter",
    load: () => loaded(import("./commands/contamination.ts")),
  },
  {
    name: "tune",
    summary: "Choose the weights of search by your own queries and judgements",
    load: () => loaded(import("./commands/tune.ts")),
  },
  {
    name: "scaling",
    summary: "How search and answers improve as the library grows",
    load: () => loaded(import("./commands/scaling.ts")),
  },
  {
    name: "bench",
    summary: "Reproduce one claim, side by side with its baselines",
    load: () => loaded(import("./commands/bench.ts")),
  },
  {
    name: "doctor",
    summary: "Check the machine and the library",
    load: () => loaded(import("./commands/doctor.ts")),
  },
  {
    name: "completion",
    summary: "Print a completion script for bash, zsh or fish",
    load: () => loaded(import("./commands/completion.ts")),
  },
];

export async function findCommand(name: string): Promise<Command | undefined> {
  return COMMANDS.find((entry) => entry.name === name)?.load();
}
