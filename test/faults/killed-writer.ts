/** A writer in a process of its own, which is killed while it works. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Operation } from "./kill-plan.ts";

/** How far it came: what it said to be done, and what it had begun. */
export interface Progress {
  readonly done: number;
  readonly begun: number;
}

export class KilledWriter {
  readonly #child: ChildProcess;
  readonly #closed: Promise<number | null>;
  #output = "";
  #told = (): void => {};

  /** Starts, loads what is slow to load, and waits for `run`. */
  constructor() {
    const script = fileURLToPath(new URL("adder.mjs", import.meta.url));
    this.#child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
    this.#closed = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.stdin!.on("error", () => {}); // a dead child does not listen
    this.#child.stdout!.on("data", (chunk: Buffer) => {
      this.#output += chunk;
      this.#told();
    });
  }

  /**
   * Opens the library (number 0), does the operations and is killed `delay(begun)` milliseconds after the last of them began.
   * @param took told how long each finished operation took @param index that large segments get; default a graph
   */
  async run(
    path: string,
    operations: readonly Operation[],
    delay: number,
    took: (number: number, ms: number) => void,
    index?: string,
  ): Promise<Progress> {
    const last = operations.at(-1)?.number ?? 0;
    const began = new Map<number, number>();
    let heard = 0;
    this.#told = () => {
      for (const [word, number] of this.#lines().slice(heard)) {
        heard++;
        if (word === "done") took(number, performance.now() - began.get(number)!);
        else began.set(number, performance.now());
        if (word === "begin" && number === last) setTimeout(() => this.#child.kill("SIGKILL"), delay);
      }
    };
    for (const line of [{ number: 0, path, index }, ...operations])
      this.#child.stdin!.write(`${JSON.stringify(line)}\n`);
    const code = await this.#closed;
    if (code !== null) throw new Error(`the writer ended by itself, with code ${code}`);
    const said = (wanted: string): number[] =>
      this.#lines()
        .filter(([word]) => word === wanted)
        .map(([, number]) => number);
    return { done: Math.max(-1, ...said("done")), begun: Math.max(-1, ...said("begin")) };
  }

  /** Ends a writer that was started for nothing. */
  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  /** What it said in whole lines: the last one may have been cut. */
  #lines(): (readonly [word: string, number: number])[] {
    return this.#output
      .slice(0, this.#output.lastIndexOf("\n") + 1)
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" "))
      .map(([word, number]) => [word!, Number(number)] as const);
  }
}
