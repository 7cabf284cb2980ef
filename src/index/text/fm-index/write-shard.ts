/** A run as a shard's bytes, block by block. */

import { FM_BLOCK_ROWS, FM_SCRATCH_BYTES, type FmMemory } from "../../../kernels/fm.ts";
import { Pacer } from "../../../pacer.ts";
import { crc32 } from "../../../storage/crc32.ts";
import { ByteWriter } from "../../../varint.ts";
import type { Fold } from "./build-run.ts";
import { columnsOf, countRun, type Run } from "./run.ts";
import { INVERSE_PAGE, type Section, SHARD_VERSION, type ShardHeader, sealHeader } from "./shard-format.ts";

/** Takes bytes one after the other; they are borrowed. */
export interface ByteSink {
  write(bytes: Uint8Array): void;
}

export interface ShardFacts {
  /** Of all documents, empty ones too. */
  readonly lengths: readonly number[];
  readonly fold: Fold;
  readonly sampleRate: number;
  readonly inverseRate: number;
  readonly signal?: AbortSignal | undefined;
}

// fields of a block's header, in words (kernels/wasm/assembly/fm/layout.ts)
const [AT_MARKS, MARK_COUNT] = [9, 10];

/** Encodes blocks one after the other. */
class BlockWriter {
  readonly #memory: FmMemory;
  readonly #run: Run;
  readonly #inverse: Uint32Array;
  readonly #inverseRate: number;
  readonly #fixed: readonly number[];
  readonly #counts: number;
  readonly #out: number;
  readonly #scratch: number;
  #samples = 0;
  #ends = 0;

  constructor(memory: FmMemory, run: Run, counts: Uint32Array, inverse: Uint32Array, inverseRate: number) {
    this.#memory = memory;
    this.#run = run;
    this.#inverse = inverse;
    this.#inverseRate = inverseRate;
    const { columns, width } = columnsOf(counts);
    this.#counts = memory.alloc(1024);
    const columnsAt = memory.alloc(256);
    this.#scratch = memory.alloc(FM_SCRATCH_BYTES);
    // text in at most 9 bits a row, everything that can stand beside it, and tables
    this.#out = memory.alloc(FM_BLOCK_ROWS * 13 + 32_768);
    memory.u32(this.#counts, 256).fill(0);
    memory.u8(columnsAt, 256).set(columns);
    this.#fixed = [this.#counts, columnsAt, width];
  }

  /** Bytes of the block that begins with row `first`, valid until the next. */
  encode(first: number): Uint8Array {
    const { text, rows, marks, samples, sampleCount, ends, documents } = this.#run;
    const some = Math.min(FM_BLOCK_ROWS, rows - first);
    const endCount = this.#endsBefore(first + some) - this.#ends;
    const width = Math.max(1, 32 - Math.clz32(sampleCount));
    const bytes = this.#memory.kernels.encodeRows(
      ...[text + first, first, some, ...this.#fixed],
      ...[marks + first / 8, samples + this.#samples * 4, width],
      ...[ends + this.#ends * 4, documents + this.#ends * 4, endCount, this.#ends],
      ...[this.#out, this.#scratch],
    );
    this.#invert(first, some);
    this.#ends += endCount;
    return this.#memory.u8(this.#out, bytes);
  }

  #endsBefore(row: number): number {
    const ends = this.#memory.u32(this.#run.ends, this.#run.documentCount);
    let at = this.#ends;
    while (at < ends.length && ends[at]! < row) at++;
    return at;
  }

  /** Keeps the rows of every so manyth sample of the block just encoded. */
  #invert(first: number, rows: number): void {
    const header = this.#memory.u32(this.#out, 16);
    const buckets = (rows + 255) >> 8;
    const [at, count] = [this.#out + header[AT_MARKS]!, header[MARK_COUNT]!];
    const before = this.#memory.u16(at, buckets);
    const lows = this.#memory.u8(at + buckets * 2, count);
    const samples = this.#memory.u32(this.#run.samples + this.#samples * 4, count);
    let bucket = 0;
    for (let i = 0; i < count; i++) {
      while (bucket + 1 < buckets && before[bucket + 1]! <= i) bucket++;
      const sample = samples[i]!;
      if (sample % this.#inverseRate === 0)
        this.#inverse[sample / this.#inverseRate] = first + bucket * 256 + lows[i]!;
    }
    this.#samples += count;
  }
}

function packLengths(lengths: readonly number[]): Uint8Array {
  const writer = new ByteWriter();
  for (const length of lengths) writer.varint(length);
  return writer.finish();
}

/** Writes the shard of a run. @returns its header. @throws MnemeError CANCELLED */
export async function writeShard(
  memory: FmMemory,
  run: Run,
  facts: ShardFacts,
  sink: ByteSink,
  onBlock: () => void,
): Promise<ShardHeader> {
  const { top } = memory;
  const counts = countRun(memory, run);
  const inverse = new Uint32Array(Math.ceil(run.sampleCount / facts.inverseRate));
  const writer = new BlockWriter(memory, run, counts, inverse, facts.inverseRate);
  const starts: number[] = [0];
  const sums: number[] = [];
  const pacer = new Pacer();
  let [at, largestBlock] = [0, 0];
  for (let first = 0; first < run.rows; first += FM_BLOCK_ROWS) {
    const bytes = writer.encode(first);
    sums.push(crc32(bytes));
    sink.write(bytes);
    largestBlock = Math.max(largestBlock, bytes.length);
    at += bytes.length;
    starts.push(at / 16);
    onBlock();
    if (pacer.isDue) await pacer.pause();
  }
  memory.release(top);
  const section = (bytes: Uint8Array): Section => {
    const place = { at, bytes: bytes.length, crc: crc32(bytes) };
    sink.write(bytes);
    at += bytes.length;
    return place;
  };
  const pages = new Uint8Array(inverse.buffer);
  for (let page = 0; page < pages.length; page += INVERSE_PAGE * 4)
    sums.push(crc32(pages.subarray(page, page + INVERSE_PAGE * 4)));
  const header: ShardHeader = {
    version: SHARD_VERSION,
    rows: run.rows,
    textBytes: run.rows - run.documentCount,
    documents: facts.lengths.length,
    fold: facts.fold,
    sampleRate: facts.sampleRate,
    sampleCount: run.sampleCount,
    inverseRate: facts.inverseRate,
    largestBlock,
    counts: [...counts],
    inverse: section(pages),
    directory: section(new Uint8Array(Uint32Array.from([...starts, ...sums]).buffer)),
    lengths: section(packLengths(facts.lengths)),
  };
  sink.write(sealHeader(header, at));
  return header;
}
