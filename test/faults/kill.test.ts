/**
 * kill -9 while a writer adds, replaces, forgets and maintains: what it acknowledged is there, whole, and nothing is half there.
 * After each kill every id is looked at, and the text of what changed and of a sample of the rest; at the end every text.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { bundledEmbedder } from "../../src/embed/index.ts";
import { type OpenOptions, open } from "../../src/index.ts";
import { Random } from "../../src/linalg/random.ts";
import { Expected } from "./kill-expected.ts";
import { kindOf, type Operation, operation } from "./kill-plan.ts";
import { KilledWriter } from "./killed-writer.ts";

/** How often the writer is killed; MNEME_CRASHES=200 for the long run. */
const KILLS = Number(process.env.MNEME_CRASHES ?? 12);
/** Operations of one writer; it is killed in the last, or while opening when there are none. */
const MOST_OPERATIONS = 4;
/** Items read again after each kill beside those that changed, and changed ones that are searched for. */
const SAMPLES = { read: 40, searched: 5 } as const;

const folder = mkdtempSync(join(tmpdir(), "mneme-kill-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** How long operations took, so that kills fall all over them; how often the writer was killed in each. */
class Tally {
  readonly #ms = new Map<string, number>();
  readonly #kills = new Map<string, number>();

  took(number: number, ms: number): void {
    const kind = nameOf(number);
    this.#ms.set(kind, Math.max(ms, (this.#ms.get(kind) ?? 0) / 2));
  }

  /** Usual milliseconds of the operation in which the next kill falls. */
  kill(number: number): number {
    const kind = nameOf(number);
    this.#kills.set(kind, (this.#kills.get(kind) ?? 0) + 1);
    return this.#ms.get(kind) ?? 100;
  }

  toString(): string {
    return [...this.#kills].map(([kind, count]) => `${kind} ${count}`).join(", ");
  }
}

const nameOf = (number: number): string => (number === 0 ? "open" : kindOf(number));

test(`${KILLS} times kill -9: every acknowledged item is there, none half`, {
  timeout: 60_000 + KILLS * 6_000,
}, async () => {
  const path = join(folder, "library.mneme");
  const random = new Random(11);
  const expected = new Expected();
  const tally = new Tally();
  await using embedder = await bundledEmbedder();
  const options: OpenOptions = { embedder, workers: 0 };
  const some = (ids: readonly string[], count: number): string[] =>
    random.sample(ids.length, count).map((i) => ids[i]!);

  let last = 0;
  let writer = new KilledWriter();
  for (let kill = 0; kill < KILLS; kill++) {
    const operations: Operation[] = [];
    for (let count = random.integer(MOST_OPERATIONS + 1); count > 0; count--)
      operations.push(operation(last + operations.length + 1));
    const delay = random.uniform() * 1.2 * tally.kill(operations.at(-1)?.number ?? 0);
    const { done, begun } = await writer.run(path, operations, delay, (number, ms) => tally.took(number, ms));
    writer = new KilledWriter(); // loads while this process looks around
    for (const one of operations) if (one.number <= done) expected.apply(one);
    await using memory = await open(path, kill % 2 === 0 ? options : { ...options, mode: "read" });
    if (begun > done && begun > 0) await expected.applyDurable(memory, operation(begun));
    last = Math.max(last, begun);
    await expected.checkIds(memory);
    await expected.checkTexts(memory, [...expected.changedIds, ...some(expected.ids, SAMPLES.read)]);
    await expected.checkSearch(memory, some([...expected.changedIds, ...expected.ids], SAMPLES.searched));
    expected.forgetChanges();
  }
  await writer.end();
  console.log(`${last} operations, ${expected.ids.length} items; killed in: ${tally}`);

  await using memory = await open(path, options);
  await expected.checkTexts(memory, expected.ids);
  await memory.compact();
  await expected.checkIds(memory);
  await expected.checkTexts(memory, expected.ids);
  expect(memory.info().items).toBe(expected.ids.length);
});
