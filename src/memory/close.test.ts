/** Closing while verbs are under way: each is done or refused as a whole, and close always ends. */
import { describe, expect, test } from "vitest";
import { temporaryFolder, toyEmbedder } from "../../test/support/memory.ts";
import type { Memory } from "./index.ts";
import { open } from "./index.ts";

const { path } = temporaryFolder();
const embedder = toyEmbedder();

/** Turns of the event loop that a verb gets before the library closes. */
const TURNS = [0, 1, 2, 4];

const opened = async (where: string): Promise<Memory> =>
  open(where, { embedder, workers: 0, onWarning: (message) => expect.fail(message) });

async function after<T>(turns: number, what: () => Promise<T>): Promise<T> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  return what();
}

describe.each(TURNS)("closed after %i turns", (turns) => {
  test("a compaction ends, and so does the closing", async () => {
    const where = path();
    {
      const memory = await opened(where);
      await memory.add({ id: "a", text: "a cat" });
      const compacting = memory.compact().catch((error: unknown) => error);
      await after(turns, () => memory.close());
      const outcome = await compacting;
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "DISPOSED" });
    }
    await using again = await opened(where);
    expect(await again.get("a")).toMatchObject({ text: "a cat" });
  });

  test("what was refused is not in the library, what was not refused is", async () => {
    const where = path();
    let isAdded: boolean;
    {
      const memory = await opened(where);
      const adding = memory.add({ id: "a", text: "a cat" });
      const outcome = adding.then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: "DISPOSED" });
          return false;
        },
      );
      await after(turns, () => memory.close());
      isAdded = await outcome;
    }
    await using again = await opened(where);
    expect((await again.get("a")) !== undefined).toBe(isAdded);
  });
});
