/** Defaults of the public verbs, apart from the code that uses them: importing them costs nothing. */

export const openDefaults = {
  budget: "256MB",
  mode: "write",
  lock: "refuse",
  lockTimeoutMs: 30_000,
  undoWindow: "7d",
  index: "auto",
} as const;

export const searchDefaults = {
  k: 10,
  retriever: "hybrid",
  feedback: true,
  group: "item",
  snippet: 240,
} as const;
