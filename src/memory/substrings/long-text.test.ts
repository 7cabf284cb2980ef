/** An item longer than a piece of an index, one line of bytes: what stands on a cut is counted and located once, at its byte. */
import { expect, test } from "vitest";
import { toyEmbedder } from "../../../test/support/memory.ts";
import { PIECE_BYTES, PIECE_OVERLAP } from "../../index/text/text-pieces.ts";
import { Random } from "../../linalg/random.ts";
import { open } from "../index.ts";

const LENGTH = PIECE_BYTES + (1 << 20);
/** Where the second piece begins, and where the first one ends. */
const [CUT, END] = [PIECE_BYTES - PIECE_OVERLAP, PIECE_BYTES];
const marks = [100, CUT - 30, CUT - 7, CUT + 10, CUT + 3000, END - 40, END - 7, END + 10, LENGTH - 14];
const quote = "a mark of \0\xff!!";

function made(): Buffer {
  const random = new Random(57);
  const words = Array.from({ length: 4000 }, () =>
    Array.from({ length: 3 + random.integer(8) }, () => String.fromCharCode(97 + random.integer(26))).join(
      "",
    ),
  );
  const parts: string[] = [];
  for (let bytes = 0; bytes < LENGTH; ) {
    const word = words[Math.floor(words.length * random.uniform() ** 3)]!;
    parts.push(word, " ");
    bytes += word.length + 1;
  }
  const data = Buffer.from(parts.join(""), "latin1").subarray(0, LENGTH);
  for (const at of marks) data.write(quote, at, "latin1");
  return data;
}

test("a line of nine megabytes", { timeout: 60_000 }, async () => {
  const data = made();
  await using memory = await open(":memory:", { embedder: toyEmbedder(), workers: 0, substrings: true });
  await memory.add({ id: "line", text: "", data });
  await memory.idle();
  expect(memory.info().substrings).toMatchObject({ indexedBytes: LENGTH, scannedBytes: 0 });
  const mark = Buffer.from(quote, "latin1");
  expect(await memory.count(mark)).toBe(marks.length);
  const { occurrences } = await memory.locate(mark);
  expect(occurrences.map(({ startByte }) => startByte)).toEqual(marks);
  // many places: told apart by what the pieces share
  let spaces = 0;
  for (const byte of data) if (byte === 0x20) spaces++;
  expect(await memory.count(" ")).toBe(spaces);
  await expect(memory.locate(data.subarray(CUT - 40, END + 40))).rejects.toMatchObject({ code: "RANGE" });
  const long = data.subarray(END - 60_000, END + 4000);
  expect((await memory.locate(long)).occurrences.map(({ startByte }) => startByte)).toEqual([END - 60_000]);
  const text = data.subarray(END + 30, END + 500).toString("latin1");
  const [overlap] = await memory.overlaps([text]);
  expect(overlap).toMatchObject({ found: overlap!.windows, longest: { at: { startByte: END + 30 } } });
});
