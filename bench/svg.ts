/** Plots, by the library's own. */
export * from "../src/eval/svg.ts";
