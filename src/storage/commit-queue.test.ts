import { describe, expect, it } from "vitest";
import type { Write } from "./batch-log.ts";
import { CommitQueue, type QueuedBatch } from "./commit-queue.ts";

const put = (value: number): Write => ({
  kind: "put",
  key: Uint8Array.of(value),
  value: Uint8Array.of(value),
});
const batch = (...values: number[]): QueuedBatch => ({ writes: values.map(put), given: [] });

/** A queue over commits that end when told to; `groups` holds what came in each. */
function slowQueue(): { queue: CommitQueue; groups: number[][]; end: (error?: Error) => void } {
  const groups: number[][] = [];
  let generation = 0;
  let settle = (_?: Error): void => {};
  const queue = new CommitQueue((batches) => {
    groups.push(
      batches.flatMap(({ writes }) => writes.map((write) => (write as { key: Uint8Array }).key[0]!)),
    );
    return new Promise((resolve, reject) => {
      settle = (error) => {
        if (error) return reject(error);
        resolve(generation);
        generation += batches.filter(({ writes }) => writes.length > 0).length;
      };
    });
  });
  return { queue, groups, end: (error) => settle(error) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("CommitQueue", () => {
  it("commits at once what finds it empty, and together what waits", async () => {
    const { queue, groups, end } = slowQueue();
    const done = [batch(1), batch(2), batch(), batch(3)].map((one) => queue.batch(one));
    expect(groups).toEqual([[1]]);
    end();
    await turn();
    expect(groups).toEqual([[1], [2, 3]]);
    end();
    expect(await Promise.all(done)).toEqual([1, 2, 2, 3]);
  });

  it("keeps jobs and batches in the order of their calls", async () => {
    const { queue, groups, end } = slowQueue();
    const seen: string[] = [];
    const first = queue.batch(batch(1));
    const job = queue.alone(async () => {
      seen.push(`job after ${groups.length}`);
      await turn();
      return "done";
    });
    const last = queue.batch(batch(2));
    end();
    expect([await first, await job]).toEqual([1, "done"]);
    await turn();
    end();
    expect([await last, seen]).toEqual([2, ["job after 1"]]);
    await queue.idle();
  });

  it("fails a group whole and goes on after it", async () => {
    const { queue, end } = slowQueue();
    const first = queue.batch(batch(1));
    const group = Promise.allSettled([queue.batch(batch(2)), queue.batch(batch(3))]);
    end();
    expect(await first).toBe(1);
    await turn();
    end(new Error("no space"));
    expect((await group).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const next = queue.batch(batch(4));
    await turn();
    end();
    expect(await next).toBe(2);
  });

  it("a job that fails rejects its caller alone", async () => {
    const { queue, end } = slowQueue();
    await expect(queue.alone(() => Promise.reject(new Error("job")))).rejects.toThrow("job");
    const next = queue.batch(batch(1));
    end();
    expect(await next).toBe(1);
  });
});
