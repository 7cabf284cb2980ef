/** A log of queries: a JSON object a line, with what is known of each: relevant documents, answers. Judgements may also come from a qrels file. */
import { MnemeError } from "../../errors.ts";
import { readQrels, readText } from "../beir.ts";
import type { ScalingQuery } from "./plan.ts";

interface Line {
  readonly _id?: unknown;
  readonly id?: unknown;
  readonly query?: unknown;
  readonly text?: unknown;
  readonly relevant?: unknown;
  readonly answer?: unknown;
  readonly answers?: unknown;
}

/**
 * `query` (or `text`) is asked; `id` (or `_id`) defaults to the line's number; `relevant` is a list of ids, or grades by id; `answers` (or
 * `answer`) are the right ones.
 * @param judgements qrels.tsv; where it judges a query, `relevant` of the log does not count
 * @throws MnemeError NOT_FOUND, FORMAT naming file and line, EXISTS for an id that comes twice
 */
export async function readQueryLog(path: string, judgements?: string): Promise<ScalingQuery[]> {
  const qrels = judgements === undefined ? undefined : await readQrels(judgements);
  const queries = new Map<string, ScalingQuery>();
  (await readText(path)).split("\n").forEach((text, i) => {
    if (text.trim() === "") return;
    const query = queryOf(parse(text, `${path}:${i + 1}`), String(i + 1), `${path}:${i + 1}`);
    if (queries.has(query.id))
      throw new MnemeError(
        "EXISTS",
        `${path}:${i + 1}: query ${JSON.stringify(query.id)} came before; ids must differ`,
      );
    const judged = qrels?.get(query.id) ?? query.judged;
    queries.set(query.id, { ...query, ...(judged ? { judged } : {}) });
  });
  return [...queries.values()];
}

function parse(text: string, where: string): Line {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // no JSON: refused below like any other foreign line
  }
  throw new MnemeError("FORMAT", `${where}: expected a JSON object with a query`);
}

function queryOf(line: Line, number: string, where: string): ScalingQuery {
  const text = line.query ?? line.text;
  if (typeof text !== "string") throw new MnemeError("FORMAT", `${where}: no "query" that is a string`);
  const judged = line.relevant === undefined ? undefined : gradesOf(line.relevant, where);
  const answers = line.answers ?? line.answer;
  const all = answers === undefined ? undefined : [answers].flat();
  if (all?.some((answer) => typeof answer !== "string" || answer.trim() === ""))
    throw new MnemeError("FORMAT", `${where}: "answers" must be strings that are not empty`);
  return {
    id: String(line.id ?? line._id ?? number),
    text,
    ...(judged ? { judged } : {}),
    ...(all ? { answers: all as string[] } : {}),
  };
}

function gradesOf(relevant: unknown, where: string): Map<string, number> {
  if (Array.isArray(relevant)) return new Map(relevant.map((id) => [String(id), 1]));
  const grades = typeof relevant === "object" && relevant !== null ? Object.entries(relevant) : undefined;
  if (!grades?.every(([, grade]) => typeof grade === "number" && Number.isFinite(grade)))
    throw new MnemeError("FORMAT", `${where}: "relevant" must be a list of ids, or grades by id`);
  return new Map(grades as [string, number][]);
}
