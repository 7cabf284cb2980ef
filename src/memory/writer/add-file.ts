/** addFile: one document from its bytes, read by a worker: a PDF or an HTML page of some megabytes takes seconds. */
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { AddFileOptions, AddResult } from "../types.ts";
import { checkItem } from "../validate.ts";
import { addItems, bundledDim, priorOf, SEGMENT_TEXT } from "./add.ts";
import { nothing } from "./outcome.ts";
import { addSegment } from "./segment-commit.ts";
import type { ReadDocument } from "./tasks.ts";
import type { Writer } from "./writer.ts";

export async function addFile(
  writer: Writer,
  name: string,
  bytes: Uint8Array,
  options: AddFileOptions,
): Promise<AddResult> {
  const { id = name, meta = {}, binary = writer.library.wantsSubstrings } = options;
  const { source } = writer;
  const sourceBytes = bytes.byteLength; // 0 once they are given away
  throwIfAborted(options.signal, "addFile");
  checkItem({ id, text: "", meta }, writer.library.activeSpace.space);
  const read = await readDocument(writer, name, bytes, { ...options, id, meta, binary });
  throwIfAborted(options.signal, "addFile");
  if ("item" in read) return addItems(writer, read.item, options);
  const outcome = nothing();
  if (!(await addSegment(writer, read.prepared, source, outcome)))
    throw new MnemeError(
      "STATE",
      `addFile: the library moved to another embedder while ${name} was read; add it again`,
    );
  options.onProgress?.({ phase: "write", done: 1, total: 1, bytes: sourceBytes, totalBytes: sourceBytes });
  return outcome;
}

function readDocument(
  writer: Writer,
  name: string,
  bytes: Uint8Array,
  {
    id,
    meta,
    binary,
    give = false,
  }: Required<Pick<AddFileOptions, "id" | "meta" | "binary">> & AddFileOptions,
): Promise<ReadDocument> {
  const prior = priorOf(writer, id);
  const whole = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return writer.pool.run(
    {
      kind: "document",
      document: { name, bytes, id, meta, binary, ...(prior ? { prior } : {}) },
      segmentText: SEGMENT_TEXT,
      now: Date.now(),
      space: writer.source.space,
      embedder: { bundledDim: bundledDim(writer.source) },
    },
    { urgent: true, transfer: give && whole ? [bytes.buffer as ArrayBuffer] : [] },
  );
}
