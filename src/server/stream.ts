/** Answers that arrive piece by piece: server-sent events, or one JSON value a line. */
import { problemBody } from "./problem.ts";

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

/**
 * Sends each event as it comes. Once the headers are out a failure can only be told in the stream: the last event is then
 * { type: "error", error }. A client that goes away calls `stop`.
 */
export function streamed(
  events: AsyncIterable<{ readonly type: string }>,
  format: StreamFormat,
  stop: () => void = () => {},
): Response {
  const iterator = events[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(encodeEvent(value, format)));
      } catch (error) {
        const last = { type: "error", ...problemBody(error, "of this answer") };
        controller.enqueue(encoder.encode(encodeEvent(last, format)));
        controller.close();
      }
    },
    async cancel() {
      stop();
      await iterator.return?.();
    },
  });
  return new Response(body, {
    headers: {
      "content-type": MEDIA_TYPE[format],
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    },
  });
}

function encodeEvent(event: { readonly type: string }, format: StreamFormat): string {
  const json = JSON.stringify(event);
  return format === "sse" ? `event: ${event.type}\ndata: ${json}\n\n` : `${json}\n`;
}
