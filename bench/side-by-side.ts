/** Work in processes of its own, beside other work where the machine has the cores for it. */
import type { ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";

/** With fewer cores than this one thing is done after the other. */
const MANY = 8;

/** Cores to share out; 1 where they are few. */
export const cores: number = availableParallelism() < MANY ? 1 : availableParallelism();

export interface Job<T> {
  /** Cores that it keeps busy. */
  readonly threads: number;
  run(): Promise<T>;
}

/** Starts jobs in their order, each as soon as its threads are free. @returns what they gave or threw, in their order */
export async function sideBySide<T>(
  jobs: readonly Job<T>[],
  most: number = cores,
): Promise<PromiseSettledResult<T>[]> {
  let free = most;
  const waiting: (() => void)[] = [];
  const running: Promise<T>[] = [];
  for (const { threads, run } of jobs) {
    const taken = Math.min(threads, most);
    while (free < taken) await new Promise<void>((resolve) => waiting.push(resolve));
    free -= taken;
    const job = run().finally(() => {
      free += taken;
      for (const wake of waiting.splice(0)) wake();
    });
    job.catch(() => {});
    running.push(job);
  }
  return Promise.allSettled(running);
}

/** The next message of a child. @throws Error when it ends before */
export function reply<T>(of: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`bench: a process ended with ${code} before it answered`));
    of.once("message", (message) => {
      of.off("exit", ended);
      resolve(message as T);
    }).once("exit", ended);
  });
}
