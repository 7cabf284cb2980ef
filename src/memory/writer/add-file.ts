/** addFile: one document from its bytes, read by a worker: a PDF or an HTML page of some megabytes takes seconds. */
import { MnemeError, throwIfAborted } from "../../errors.ts";
import type { AddFileOptions, AddResult } from "../types.ts";
import { checkItem } from "../validate.ts";
import { addOne, bundledDim, priorOf, SEGMENT_TEXT } from "./add.ts";
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
  const sourceBytes = bytes.byteLength; // 0 once they are given away
  throwIfAborted(options.signal, "addFile");
  checkItem({ id, text: "", meta }, writer.library.activeSpace.space);
  const result = await writer.idOrder.run([id], () =>
    readAndAdd(writer, name, bytes, { ...options, id, meta, binary }),
  );
  options.onProgress?.({ phase: "write", done: 1, total: 1, bytes: sourceBytes, totalBytes: sourceBytes });
  return result;
}

type DocumentOptions = Required<Pick<AddFileOptions, "id" | "meta" | "binary">> & AddFileOptions;

/** What the library became while the document was read has it read again: its item is of another version, or its vectors of another space. */
async function readAndAdd(
  writer: Writer,
  name: string,
  bytes: Uint8Array,
  options: DocumentOptions,
): Promise<AddResult> {
  const { byteLength } = bytes;
  const { source } = writer;
  throwIfAborted(options.signal, "addFile");
  const read = await readDocument(writer, name, bytes, options);
  throwIfAborted(options.signal, "addFile");
  if ("item" in read) {
    checkItem(read.item, source.space.space);
    return addOne(writer, read.item);
  }
  const outcome = nothing();
  if (await addSegment(writer, read.prepared, source, outcome)) return outcome;
  if (bytes.byteLength < byteLength)
    throw new MnemeError(
      "STATE",
      `addFile: the library moved to another embedder, or changed ${options.id}, while ${name} was read, and its bytes were given away; add it again`,
    );
  return readAndAdd(writer, name, bytes, options);
}

function readDocument(
  writer: Writer,
  name: string,
  bytes: Uint8Array,
  { id, meta, binary, give = false }: DocumentOptions,
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
