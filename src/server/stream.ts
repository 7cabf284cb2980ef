/** Answers that arrive piece by piece: server-sent events, or one JSON value a line. */
import type { ProblemBody } from "./problem.ts";

export type StreamFormat = "sse" | "ndjson";

const MEDIA_TYPE: Readonly<Record<StreamFormat, string>> = {
  sse: "text/event-stream; charset=utf-8",
  ndjson: "application/x-ndjson; charset=utf-8",
};

/** The stream a client asked for in its Accept header; undefined means one JSON answer. */
export function acceptedStream(request: Request): StreamFormat | undefined {
  const accept = request.headers.get("accept") ?? "";
  if (accept.includes("text/event-stream")) return "sse";
  return accept.includes("application/x-ndjson") ? "ndjson" : undefined;
}

/** What an answer that comes piece by piece may end in. */
export interface StreamEnds {
  /** Called when the client goes away. */
  readonly stop: () => void;
  /** A failure, logged where it is not ours, as the last piece tells it. */
  readonly problemOf: (error: unknown) => ProblemBody;
}

/**
 * Sends each event as it comes. Once the headers are out a failure can only be told in the stream: the last event is then
 * { type: "error", error }.
 */
export function streamed(
  events: AsyncIterable<{ readonly type: string }>,
  format: StreamFormat,
  { stop, problemOf }: StreamEnds,
): Response {
  const failed = (error: unknown): string => encodeEvent({ type: "error", ...problemOf(error) }, format);
  return piecewise(
    mapped(events, (event) => encodeEvent(event, format)),
    failed,
    MEDIA_TYPE[format],
    stop,
  );
}

/** Sends each text as the data of a nameless server-sent event, as OpenAI's API does. */
export function sseText(texts: AsyncIterable<string>, { stop, problemOf }: StreamEnds): Response {
  const encode = (text: string): string => `data: ${text}\n\n`;
  const failed = (error: unknown): string => encode(JSON.stringify(problemOf(error)));
  return piecewise(mapped(texts, encode), failed, MEDIA_TYPE.sse, stop);
}

async function* mapped<T>(values: AsyncIterable<T>, encode: (value: T) => string): AsyncGenerator<string> {
  for await (const value of values) yield encode(value);
}

function piecewise(
  texts: AsyncGenerator<string>,
  failed: (error: unknown) => string,
  mediaType: string,
  stop: () => void,
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await texts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        controller.enqueue(encoder.encode(failed(error)));
        controller.close();
      }
    },
    async cancel() {
      stop();
      await texts.return(undefined);
    },
  });
  const headers = { "content-type": mediaType, "cache-control": "no-store", "x-accel-buffering": "no" };
  return new Response(body, { headers });
}

function encodeEvent(event: { readonly type: string }, format: StreamFormat): string {
  const json = JSON.stringify(event);
  return format === "sse" ? `event: ${event.type}\ndata: ${json}\n\n` : `${json}\n`;
}

/** Passes bytes on and calls `done`, at the end or when the reader goes away. */
export function whenDone(done: () => void): TransformStream<Uint8Array, Uint8Array> {
  const transformer: Transformer<Uint8Array, Uint8Array> & { cancel: () => void } = {
    transform: (chunk, controller) => controller.enqueue(chunk),
    flush: done,
    cancel: done,
  };
  return new TransformStream(transformer);
}
