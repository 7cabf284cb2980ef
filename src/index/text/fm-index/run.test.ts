import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FmMemory } from "../../../kernels/fm.ts";
import { transform } from "../../../kernels/reference/fm.ts";
import { buildRun as buildStaged, type Fold, sizeOf, stage } from "./build-run.ts";
import { ShardBuilder } from "./build-shard.ts";
import { mergeDocuments } from "./merge-documents.ts";
import { mergeRuns } from "./merge-runs.ts";
import { countRun, type Run, sumSizes, widenRun } from "./run.ts";

const memory = new FmMemory();
const [SEED, RATE] = [57, 4];

const buildRun = (documents: readonly Uint8Array[], rate: number): Run =>
  buildStaged(memory, stage(memory, documents), rate, "none");

function contents(run: Run): ReturnType<typeof transform> {
  const bits = memory.u8(run.marks, Math.ceil(run.rows / 8));
  return {
    text: memory.u8(run.text, run.rows).slice(),
    ends: [...memory.u32(run.ends, run.documentCount)],
    documents: [...memory.u32(run.documents, run.documentCount)],
    marked: Array.from({ length: run.rows }, (_, row) => row).filter(
      (row) => ((bits[row >> 3]! >> (row & 7)) & 1) === 1,
    ),
    samples: [...memory.u32(run.samples, run.sampleCount)],
  };
}

const letters = (most: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 60 })
    .map((bytes) => Uint8Array.from(bytes));
const documentsOf = (most: number): fc.Arbitrary<Uint8Array[]> =>
  fc.array(letters(most), { minLength: 1, maxLength: 12 });
/** Without zero bytes, letters and capitals among them. */
const textOf = (first: number, most: number): fc.Arbitrary<Uint8Array[]> =>
  documentsOf(most).map((documents) =>
    documents.map((document) => document.map((byte) => Math.min(255, byte + first))),
  );
const anyText = fc.oneof(textOf(1, 1), textOf(64, 3), textOf(1, 254));

/** Room in the run, the last thing handed out, for more documents. */
const widened = (run: Run, more: readonly Uint8Array[]): Run => {
  const size = sizeOf(
    more.map(({ length }) => length),
    RATE,
  );
  return widenRun(memory, run, sumSizes(run, size));
};

/** Merges documents into a run with room for them; undefined where they are refused. */
async function merged(wide: Run, more: readonly Uint8Array[], fold: Fold): Promise<Run | undefined> {
  const below = memory.top;
  const counted = { ...wide, counts: countRun(memory, wide) };
  const both = await mergeDocuments(memory, counted, stage(memory, more), RATE, fold);
  memory.release(below);
  return both;
}

const anyDocuments = fc.oneof(documentsOf(1), documentsOf(3), documentsOf(255));

describe("runs", () => {
  it("equal those of sorted suffixes", () => {
    fc.assert(
      fc.property(anyDocuments, (documents) => {
        const { top } = memory;
        expect(contents(buildRun(documents, RATE))).toEqual(transform(documents, RATE));
        memory.release(top);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("hold all 256 bytes", () => {
    const documents = [0, 1, 2].map((d) =>
      Uint8Array.from({ length: 300 }, (_, i) => (i * (7 + 2 * d)) & 255),
    );
    const { top } = memory;
    expect(contents(buildRun(documents, RATE))).toEqual(transform(documents, RATE));
    memory.release(top);
  });

  it("merge to the run of all documents", async () => {
    await fc.assert(
      fc.asyncProperty(anyDocuments, anyDocuments, anyDocuments, async (...groups) => {
        const { top } = memory;
        let run = buildRun(groups[0], RATE);
        for (const more of groups.slice(1)) {
          run = widened(run, more);
          const below = memory.top;
          run = await mergeRuns(memory, run, buildRun(more, RATE));
          memory.release(below);
        }
        expect(contents(run)).toEqual(transform(groups.flat(), RATE));
        memory.release(top);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("take documents whose suffixes are not sorted", async () => {
    const fold = (document: Uint8Array): Uint8Array =>
      document.map((byte) => (byte > 64 && byte < 91 ? byte + 32 : byte));
    await fc.assert(
      fc.asyncProperty(anyDocuments, anyText, anyText, async (first, ...groups) => {
        const { top } = memory;
        const folded = first.map(fold);
        let run = buildRun(folded, RATE);
        for (const more of groups) run = (await merged(widened(run, more), more, "ascii"))!;
        expect(contents(run)).toEqual(transform([...folded, ...groups.flat().map(fold)], RATE));
        const { counts, ...uncounted } = run;
        expect(counts).toEqual(countRun(memory, uncounted));
        memory.release(top);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("are as they were where documents hold zeros or repeat themselves too much", async () => {
    const [first, long] = [[Uint8Array.of(2, 1, 2)], new Uint8Array(4000).fill(7)];
    for (const more of [[Uint8Array.of(1, 0, 2)], [long, long]]) {
      const { top } = memory;
      const run = widened(buildRun(first, RATE), more);
      expect(await merged(run, more, "none")).toBeUndefined();
      expect(contents(await mergeRuns(memory, run, buildRun(more, RATE)))).toEqual(
        transform([...first, ...more], RATE),
      );
      memory.release(top);
    }
  });

  it("have no marks behind their last row, whatever the memory held", async () => {
    const { top } = memory;
    const more = Array.from({ length: 50 }, (_, d) => Uint8Array.from({ length: 61 }, (_, i) => (i * d) & 7));
    const first = buildRun([Uint8Array.of(1, 2)], RATE);
    memory.u8(memory.top, 16_384).fill(255);
    const run = await mergeRuns(memory, widened(first, more), buildRun(more, RATE));
    const padded = memory.u8(run.marks, Math.ceil(run.rows / 256) * 32);
    const marks = padded.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
    expect(marks).toBe(run.sampleCount);
    memory.release(top);
  });

  it("make the same shard, whatever the blocks and pieces that are sorted", async () => {
    const shardOf = async (
      documents: readonly Uint8Array[],
      blockBytes: number,
      pieceBytes: number,
    ): Promise<Buffer> => {
      const written: Uint8Array[] = [];
      const options = { fold: "none", sampleRate: RATE, inverseRate: 2, blockBytes, pieceBytes } as const;
      // what lies behind what was written is no part of a shard
      const used = new FmMemory();
      used.u8(used.top, used.bytes - used.top).fill(pieceBytes);
      const builder = new ShardBuilder(options, used);
      for (const document of documents) await builder.add(document);
      await builder.finish({ write: (bytes) => void written.push(bytes.slice()) });
      return Buffer.concat(written);
    };
    await fc.assert(
      fc.asyncProperty(anyDocuments, async (documents) => {
        const whole = await shardOf(documents, 4096, 4096);
        expect((await shardOf(documents, 200, 4096)).equals(whole)).toBe(true);
        expect((await shardOf(documents, 4096, 50)).equals(whole)).toBe(true);
        expect((await shardOf(documents, 200, 50)).equals(whole)).toBe(true);
      }),
      { seed: SEED, numRuns: 10 },
    );
  });

  it("sort repetitive text", () => {
    const documents = ["a".repeat(3000), "ab".repeat(2000), `${"aab".repeat(900)}c`].map((text) =>
      new TextEncoder().encode(text),
    );
    const { top } = memory;
    expect(contents(buildRun(documents, 32))).toEqual(transform(documents, 32));
    memory.release(top);
  });
});
