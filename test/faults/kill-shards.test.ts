/**
 * kill -9 while a library builds and merges shards of substrings: every acknowledged document is located, at its byte, once, before and after the
 * shards are completed.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Random } from "../../src/linalg/random.ts";
import { type Memory, open } from "../../src/memory/index.ts";
import { temporaryFolder } from "../support/memory.ts";
import { BATCH, markOf, placeOf } from "./shard-text.mjs";

const crashes = Number(process.env.MNEME_CRASHES ?? 4);
const { path } = temporaryFolder();

/** Kills the writer some milliseconds after its first answer. @returns how many documents it said to be durable */
function addAndKill(library: string, first: number, workers: number, afterMs: number): Promise<number> {
  const script = fileURLToPath(new URL("shard-adder.mjs", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, library, String(first), String(workers)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [output, complaints] = ["", ""];
    child.stderr.on("data", (chunk) => {
      complaints += chunk;
    });
    child.stdout.on("data", (chunk) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), afterMs);
      output += chunk;
    });
    child.on("close", (code) => {
      if (code !== null || complaints) reject(new Error(`the writer ended, code ${code}: ${complaints}`));
      else resolve(Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1)));
    });
  });
}

/** Looks for every mark. @returns how many documents there are, without a gap */
async function check(memory: Memory, acknowledged: number): Promise<number> {
  let count = 0;
  for (let number = 0; ; number++) {
    const { occurrences, next } = await memory.locate(markOf(number));
    if (occurrences.length === 0) break;
    expect(next).toBeUndefined();
    expect(occurrences.map(({ id, startByte }) => [id, startByte])).toEqual([
      [`d${number}`, placeOf(number)],
    ]);
    count++;
  }
  // what was on its way may be durable without its answer having been read
  expect([acknowledged, acknowledged + BATCH]).toContain(count);
  expect(await memory.count("\u0000mark ")).toBe(count);
  expect(memory.info().items).toBe(count);
  return count;
}

test(`shards of a library whose writer is killed, ${crashes} times`, { timeout: 300_000 }, async () => {
  const library = path("killed");
  const random = new Random(57);
  let documents = 0;
  for (let crash = 0; crash < crashes; crash++) {
    const acknowledged = await addAndKill(library, documents, crash % 2, random.uniform() * 1500);
    {
      await using reader = await open(library, { mode: "read" });
      expect(reader.info().substrings!.refused).toEqual([]);
      documents = await check(reader, acknowledged);
    }
    if (crash % 2 === 0) continue;
    await using writer = await open(library, { workers: 0 });
    await writer.idle();
    await check(writer, documents);
    await writer.compact();
    expect(writer.info().substrings).toMatchObject({ scannedBytes: 0, refused: [] });
    await check(writer, documents);
  }
  expect(documents).toBeGreaterThanOrEqual(crashes * BATCH);
});
