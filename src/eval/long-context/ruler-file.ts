/** Prompts that RULER's own scripts made: {input, outputs} lines, plain or gzipped, in the chat template of Llama 3 or none. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { MnemeError } from "../../errors.ts";
import type { LongExample } from "./task.ts";

interface Row {
  readonly input?: unknown;
  readonly outputs?: unknown;
}

/** @param scorer all for needles, variables and words, any for questions. @throws MnemeError NOT_FOUND, FORMAT naming file and line */
export async function readRuler(path: string, scorer: "all" | "any"): Promise<LongExample[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new MnemeError(
      "NOT_FOUND",
      `${path}: cannot be read; expected a .jsonl or .jsonl.gz file of RULER`,
      { cause },
    );
  });
  const text =
    bytes[0] === 0x1f && bytes[1] === 0x8b ? (await promisify(gunzip)(bytes)).toString() : bytes.toString();
  return text
    .split("\n")
    .map((line, i) => ({ line, at: `${path}:${i + 1}` }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, at }) => exampleOf(rowOf(line, at), at, scorer));
}

function rowOf(line: string, at: string): { input: string; outputs: string[] } {
  let row: Row;
  try {
    row = JSON.parse(line) as Row;
  } catch (cause) {
    throw new MnemeError("FORMAT", `${at}: not JSON`, { cause });
  }
  const { input, outputs } = row;
  const areStrings = Array.isArray(outputs) && outputs.every((one) => typeof one === "string");
  if (typeof input !== "string" || !areStrings || outputs.length === 0)
    throw new MnemeError(
      "FORMAT",
      `${at}: expected an object with a text "input" and a list of texts "outputs"`,
    );
  return { input, outputs: outputs as string[] };
}

const USER = /<\|start_header_id\|>user<\|end_header_id\|>/;
const ASSISTANT = /<\|eot_id\|><\|start_header_id\|>assistant<\|end_header_id\|>/;

/** The question is what stands behind the last line break, the lead what the assistant has already said. */
function exampleOf(
  { input, outputs }: { readonly input: string; readonly outputs: readonly string[] },
  at: string,
  scorer: "all" | "any",
): LongExample {
  const [before, lead = ""] = input.split(ASSISTANT);
  const user = before!
    .split(USER)
    .at(-1)!
    .replace(/^<\|begin_of_text\|>/, "")
    .trim();
  const cut = user.lastIndexOf("\n");
  if (cut < 0) throw new MnemeError("FORMAT", `${at}: no line break before the question`);
  const begin = lead.replace(/^\s*(Answer:)?\s*/, "").trimEnd();
  return {
    context: user.slice(0, cut).trimEnd(),
    turns: [
      {
        question: user.slice(cut + 1).replace(/^Question:\s*/, ""),
        answers: outputs,
        reply: `${begin} ${outputs.join(", ")}`.trimStart(),
        ...(begin === "" ? {} : { lead: begin }),
      },
    ],
    scorer,
  };
}
