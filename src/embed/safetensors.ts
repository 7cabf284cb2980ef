/** The safetensors format: u64 header length, JSON header, then the tensors' bytes. Checked, zero-copy. */
import { MnemeError } from "../errors.ts";

export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Borrowed from the file's bytes. */
  readonly bytes: Uint8Array;
}

/** @throws MnemeError FORMAT naming `file` and what is wrong. */
export function parseSafetensors(file: Uint8Array, name: string): Map<string, Tensor> {
  const fail = (why: string, cause?: unknown): MnemeError =>
    new MnemeError("FORMAT", `${name}: no safetensors file, ${why}`, { cause });
  if (file.byteLength < 8) throw fail(`only ${file.byteLength} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getUint32(0, true);
  if (view.getUint32(4, true) !== 0 || length > file.byteLength - 8)
    throw fail(`its header would be ${length} bytes`);
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.subarray(8, 8 + length)));
  } catch (cause) {
    throw fail("its header is not JSON", cause);
  }
  const data = file.subarray(8 + length);
  const tensors = new Map<string, Tensor>();
  for (const [tensor, entry] of Object.entries(header)) {
    if (tensor === "__metadata__") continue;
    const [start, end] = entry.data_offsets;
    if (!(start >= 0 && end >= start && end <= data.byteLength))
      throw fail(`tensor ${tensor} lies outside it: truncated?`);
    tensors.set(tensor, { dtype: entry.dtype, shape: entry.shape, bytes: data.subarray(start, end) });
  }
  return tensors;
}
