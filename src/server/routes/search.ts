/** POST /v1/search and POST /v1/ask. */
import { z } from "zod";
import { MnemeError } from "../../errors.ts";
import type { AnswerPart, AskOptions, Citation, SearchQuery } from "../../memory/types.ts";
import { type Route, route } from "../route.ts";
import { citation, facetChoice, hit, sparse, where } from "../schemas.ts";
import type { Service } from "../service.ts";
import { acceptedStream, streamed } from "../stream.ts";

const feedbackOptions = z.strictObject({
  passages: z.int().min(1).max(100).exactOptional().describe("Passages taken for relevant; default 3"),
  vectors: z.enum(["weighted", "rocchio", "average", "none"]).exactOptional(),
  words: z.enum(["rm3", "none"]).exactOptional(),
  again: z.boolean().exactOptional().describe("Search again instead of scoring the candidates again"),
  guard: z.number().min(0).max(1).exactOptional().describe("Least lead of the best passage; default 0"),
});

const fusionOptions = z.strictObject({
  form: z.enum(["share", "min-max", "linear", "rrf"]).exactOptional(),
  first: z.number().min(0).max(1).exactOptional().describe("Weight of meaning before feedback"),
  last: z.number().min(0).max(1).exactOptional().describe("Weight of meaning in the final order"),
  sparse: z.number().min(0).max(1).exactOptional().describe("Share of learnt sparse scores beside words"),
});

const searchBody = z.strictObject({
  query: z.string().max(20_000),
  k: z.int().min(1).max(1000).exactOptional(),
  filter: where.exactOptional(),
  facets: facetChoice.exactOptional().describe("Only passages filed under these labels of the cube"),
  cube: z.boolean().exactOptional().describe("Ask the cube too, where there is one; default true"),
  retriever: z.enum(["hybrid", "words", "meaning", "generative"]).exactOptional(),
  generative: z.boolean().exactOptional().describe("Let the language model's n-grams rank too; slow"),
  feedback: z
    .union([z.boolean(), feedbackOptions])
    .exactOptional()
    .describe("Let the best passages sharpen the question; default true"),
  interpolate: z
    .enum(["none", "before", "after", "both"])
    .exactOptional()
    .describe("Where words and meaning are interpolated around feedback; default both"),
  fusion: fusionOptions.exactOptional(),
  minScore: z
    .number()
    .exactOptional()
    .describe("Least score of a hit; of hybrid searches from 0 to 1, comparable between them"),
  recall: z
    .number()
    .min(0.5)
    .max(1)
    .exactOptional()
    .describe("Wanted share of the best passages by meaning; 1 scores every vector"),
  cursor: z.string().exactOptional().describe("`next` of an earlier answer"),
  group: z.enum(["item", "passage"]).exactOptional(),
  snippet: z.int().min(0).max(10_000).exactOptional().describe("Characters of a snippet; default 240"),
  vector: z.array(z.number()).exactOptional().describe("Own query vector of the library's space"),
  sparse: sparse.exactOptional(),
});

const searchAnswer = z.object({
  hits: z.array(hit),
  next: z.string().exactOptional().describe("Cursor of the next page"),
  recall: z.number().exactOptional().describe("Share of the best passages by meaning that is likely there"),
  ms: z.number(),
  notes: z.array(z.string()).describe("What the library could not use"),
});

const askBody = z.strictObject({
  question: z.string().min(1).max(20_000),
  k: z.int().min(1).max(100).exactOptional().describe("Passages to read; default 8"),
  sentences: z.int().min(1).max(50).exactOptional(),
  filter: where.exactOptional(),
  stream: z.boolean().exactOptional().describe("Server-sent events, as with Accept: text/event-stream"),
});

const askAnswer = z.object({
  answer: z.string(),
  answered: z.boolean(),
  by: z.enum(["model", "extraction"]).exactOptional().describe("Who wrote the answer"),
  reason: z.string().exactOptional().describe("Why there is no answer"),
  notes: z.array(z.string()).describe("What was left out or put right of a model's answer, and why"),
  citations: z.array(citation),
  ms: z.number(),
});

export function searchRoutes(service: Service): Route[] {
  return [searchRoute(service), askRoute(service)];
}

function searchRoute({ memory }: Service): Route {
  return route(
    {
      method: "post",
      path: "/v1/search",
      tag: "Recall",
      name: "search",
      summary: "Find passages by words, meaning and facets",
      body: searchBody,
      response: searchAnswer,
    },
    async ({ body: { query, vector, ...rest }, signal }) => {
      const options: SearchQuery = {
        ...rest,
        ...(vector ? { vector: Float32Array.from(vector) } : {}),
        signal,
      };
      const { hits, next, recall, ms, notes } = await memory.search(query, options);
      return {
        hits,
        ...(next === undefined ? {} : { next }),
        ...(recall === undefined ? {} : { recall }),
        ms,
        notes,
      };
    },
  );
}

function askRoute({ memory }: Service): Route {
  return route(
    {
      method: "post",
      path: "/v1/ask",
      tag: "Recall",
      name: "ask",
      summary: "Answer a question from the library, with citations",
      body: askBody,
      response: askAnswer,
      produces: [
        {
          mediaType: "text/event-stream",
          description: "Events text, citation and done as the answer is written; error when it fails midway.",
        },
      ],
    },
    async ({ body: { question, stream, ...rest }, request, signal, ends }) => {
      const options: AskOptions = { ...rest, signal };
      const parts = memory.ask(question, options);
      const format = stream ? "sse" : acceptedStream(request);
      return format ? streamed(parts, format, ends) : collect(parts);
    },
  );
}

async function collect(parts: AsyncIterable<AnswerPart>): Promise<z.infer<typeof askAnswer>> {
  const citations = new Map<number, Citation>();
  let answer = "";
  for await (const part of parts) {
    answer += part.text;
    if (part.type === "citation" && !citations.has(part.citation.number))
      citations.set(part.citation.number, part.citation);
    if (part.type !== "done") continue;
    const { type: _, text: __, ...end } = part;
    return { answer, citations: [...citations.values()], ...end, notes: [...end.notes] };
  }
  throw new MnemeError("INTERNAL", "ask: the answer ended without its last part");
}
