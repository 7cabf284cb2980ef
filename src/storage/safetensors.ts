/**
 * The safetensors format: u64 header length, JSON header, then the tensors' bytes without gaps. Zero-copy, and checked as the reference
 * implementation does (github.com/huggingface/safetensors): what a header claims about bytes is compared with the bytes that are there.
 */
import { MnemeError } from "../errors.ts";

/** A tensor as the header describes it; its bytes are [start, end) of those behind the header. */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Borrowed from the file's bytes: as many as dtype and shape need. */
  readonly bytes: Uint8Array;
}

/** Longest header that the format allows. */
const MAX_HEADER_BYTES = 100_000_000;
export const LENGTH_BYTES = 8;
/** Characters of a foreign value in a message. */
const SHOWN = 80;

const DTYPE_BYTES: ReadonlyMap<unknown, number> = new Map([
  ...(["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"] as const).map((dtype) => [dtype, 1] as const),
  ...(["U16", "I16", "F16", "BF16"] as const).map((dtype) => [dtype, 2] as const),
  ...(["U32", "I32", "F32"] as const).map((dtype) => [dtype, 4] as const),
  ...(["U64", "I64", "F64"] as const).map((dtype) => [dtype, 8] as const),
]);

type Fail = (why: string, details?: Readonly<Record<string, unknown>>, cause?: unknown) => MnemeError;

interface Placed extends TensorEntry {
  readonly name: string;
}

/** @throws MnemeError FORMAT naming `file`, the tensor and what is wrong. */
export function parseSafetensors(file: Uint8Array, name: string): Map<string, Tensor> {
  const length = safetensorsHeaderLength(file.subarray(0, LENGTH_BYTES), file.byteLength, name);
  const data = file.subarray(LENGTH_BYTES + length);
  const entries = parseSafetensorsHeader(
    file.subarray(LENGTH_BYTES, LENGTH_BYTES + length),
    data.byteLength,
    name,
  );
  const tensors = new Map<string, Tensor>();
  for (const [tensor, { dtype, shape, start, end }] of entries)
    tensors.set(tensor, { dtype, shape, bytes: data.subarray(start, end) });
  return tensors;
}

/** Bytes of the header, which follows the first LENGTH_BYTES of the file. @throws MnemeError FORMAT naming `name` */
export function safetensorsHeaderLength(first: Uint8Array, fileBytes: number, name: string): number {
  const fail = failing(name);
  if (fileBytes < LENGTH_BYTES) throw fail(`only ${fileBytes} bytes`);
  const length = new DataView(first.buffer, first.byteOffset, first.byteLength).getBigUint64(0, true);
  const room = fileBytes - LENGTH_BYTES;
  if (length > BigInt(Math.min(room, MAX_HEADER_BYTES)))
    throw fail(`its header would be ${length} bytes, of ${room} that follow and ${MAX_HEADER_BYTES} allowed`);
  return Number(length);
}

/** @param dataBytes that follow the header. @throws MnemeError FORMAT naming `name`, the tensor and what is wrong. */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  dataBytes: number,
  name: string,
): Map<string, TensorEntry> {
  const fail = failing(name);
  const tensors = Object.entries(readHeader(bytes, fail))
    .filter(([tensor]) => tensor !== "__metadata__")
    .map(([tensor, entry]) => placeTensor(tensor, entry, dataBytes, fail));
  checkCover(tensors, dataBytes, fail);
  return new Map(tensors.map(({ name: tensor, ...entry }) => [tensor, entry]));
}

function failing(name: string): Fail {
  return (why, details = {}, cause) =>
    new MnemeError("FORMAT", `${name}: no safetensors file, ${why}; fetch the file again`, {
      details: { file: name, ...details },
      cause,
    });
}

function readHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw fail("its header is not JSON", {}, cause);
  }
  if (!isRecord(header)) throw fail("its header is no JSON object");
  return header;
}

function placeTensor(name: string, entry: unknown, dataBytes: number, fail: Fail): Placed {
  const refuse = (why: string): MnemeError => fail(`tensor ${shown(name)} ${why}`, { tensor: name });
  if (!isRecord(entry)) throw refuse("has no dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = entry;
  const size = DTYPE_BYTES.get(dtype);
  if (size === undefined)
    throw refuse(`has dtype ${shown(dtype)}, known are ${[...DTYPE_BYTES.keys()].join(", ")}`);
  if (!isCounts(shape)) throw refuse(`has shape ${shown(shape)}, expected a list of whole numbers`);
  const [start, end] = isCounts(offsets) && offsets.length === 2 ? offsets : [];
  if (start === undefined || end === undefined || start > end)
    throw refuse(`has data_offsets ${shown(offsets)}, expected [start, end]`);
  if (end > dataBytes)
    throw refuse(`ends at byte ${end} of the ${dataBytes} that follow the header: truncated?`);
  const wanted = shape.reduce((product, side) => product * side, size);
  if (wanted !== end - start)
    throw refuse(`has ${end - start} bytes, ${shown(shape)} values of ${dtype} are ${wanted}`);
  return { name, dtype: dtype as string, shape, start, end };
}

/** Tensors follow each other without overlap and without gaps, over all the bytes. */
function checkCover(tensors: readonly Placed[], dataBytes: number, fail: Fail): void {
  let covered = 0;
  for (const { name, start, end } of [...tensors].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== covered)
      throw fail(
        `tensor ${shown(name)} begins at byte ${start}, ${start < covered ? "inside" : "after a gap behind"} the one before, which ends at ${covered}`,
        { tensor: name },
      );
    covered = end;
  }
  if (covered !== dataBytes) throw fail(`${dataBytes - covered} bytes after its last tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((one) => Number.isSafeInteger(one) && one >= 0);
}

/** Foreign values are shown as JSON, not all of a long one; very deep ones have none. */
function shown(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    text = undefined;
  }
  if (text === undefined) return value === undefined ? "none" : "something too deep to show";
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
