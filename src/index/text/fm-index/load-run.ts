/** A shard as a run again, to be merged: its blocks decoded one after the other. */
import { FM_BLOCK_ROWS, FM_SCRATCH_BYTES, type FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import type { Run, RunSize } from "./run.ts";
import type { ShardSource } from "./shard-source.ts";

// fields of a block's header, in words (kernels/wasm/assembly/fm/layout.ts)
const [END_COUNT, AT_MARKS, MARK_COUNT, AT_SAMPLES, SAMPLE_WIDTH, AT_ENDS, AT_DOCUMENTS] = [
  3, 9, 10, 11, 12, 13, 14,
];

export function sizeOfShard({ header, documents }: ShardSource): RunSize {
  return { rows: header.rows, sampleCount: header.sampleCount, documentCount: documents.filled.length };
}

/** Fills a run of the shard's size, its marks zeroed. @throws MnemeError CORRUPT */
export async function loadRun(memory: FmMemory, source: ShardSource, run: Run): Promise<void> {
  const { top } = memory;
  const block = memory.alloc(source.header.largestBlock + 64);
  const scratch = memory.alloc(FM_SCRATCH_BYTES);
  const pacer = new Pacer();
  let [samples, ends] = [0, 0];
  for (let number = 0; number < source.blocks; number++) {
    await source.readBlock(number, memory.u8(block, source.blockBytes(number)));
    const first = number * FM_BLOCK_ROWS;
    memory.kernels.decodeRows(block, run.text + first, scratch);
    samples += loadSamples(memory, block, first, run, samples);
    ends += loadEnds(memory, block, first, run, ends);
    if (pacer.isDue) await pacer.pause();
  }
  memory.release(top);
}

function loadSamples(memory: FmMemory, block: number, first: number, run: Run, before: number): number {
  const header = memory.u32(block, 16);
  const count = header[MARK_COUNT]!;
  const buckets = (header[0]! + 255) >> 8;
  const starts = memory.u16(block + header[AT_MARKS]!, buckets);
  const lows = memory.u8(block + header[AT_MARKS]! + buckets * 2, count);
  const packed = memory.u8(block + header[AT_SAMPLES]!, Math.ceil((count * header[SAMPLE_WIDTH]!) / 8) + 8);
  const marks = memory.u8(run.marks + first / 8, Math.ceil(header[0]! / 8));
  const samples = memory.u32(run.samples + before * 4, count);
  let bucket = 0;
  for (let i = 0; i < count; i++) {
    while (bucket + 1 < buckets && starts[bucket + 1]! <= i) bucket++;
    const row = bucket * 256 + lows[i]!;
    // shards of earlier builds may hold marks behind the last row
    if (row >= header[0]!) return i;
    marks[row >> 3]! |= 1 << (row & 7);
    samples[i] = unpack(packed, i * header[SAMPLE_WIDTH]!, header[SAMPLE_WIDTH]!);
  }
  return count;
}

/** A field of up to 32 bits that begins at any bit. */
function unpack(bytes: Uint8Array, bit: number, width: number): number {
  const at = bit >> 3;
  let value = 0;
  for (let i = 4; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return Math.floor(value / 2 ** (bit & 7)) % 2 ** width;
}

function loadEnds(memory: FmMemory, block: number, first: number, run: Run, before: number): number {
  const header = memory.u32(block, 16);
  const count = header[END_COUNT]!;
  const rows = memory.u16(block + header[AT_ENDS]!, count);
  const ends = memory.u32(run.ends + before * 4, count);
  for (let i = 0; i < count; i++) ends[i] = first + rows[i]!;
  memory.u32(run.documents + before * 4, count).set(memory.u32(block + header[AT_DOCUMENTS]!, count));
  return count;
}
