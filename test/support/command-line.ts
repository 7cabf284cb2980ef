/** A command line run in this process. */
import { vi } from "vitest";
import { run } from "../../src/cli/run.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** @returns its exit status, and what it wrote to both outputs */
export async function mneme(...argv: string[]): Promise<Ran> {
  const written = { out: "", err: "" };
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    written.out += text;
    return true;
  });
  const log = vi.spyOn(console, "log").mockImplementation((text) => {
    written.out += `${text}\n`;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written.err += text;
    return true;
  });
  try {
    return { code: await run(argv), ...written };
  } finally {
    for (const spy of [out, log, err]) spy.mockRestore();
  }
}
