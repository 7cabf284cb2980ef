/** How a benchmark ends on an error that nobody caught: one line for what its user can mend, the stack for everything else. */
import { MnemeError } from "../src/errors.ts";

const FAILED = 1;
const NOTHING_FOUND = 3;

/** @param missing the error of a file that is not there, by its path; undefined where the user can do nothing about it */
export function endOnErrors(missing: (path: string) => MnemeError | undefined): void {
  // of promises that nobody awaits too
  process.on("uncaughtException", (error: NodeJS.ErrnoException) => {
    const known = error.code === "ENOENT" && error.path !== undefined ? missing(error.path) : undefined;
    const told = known ?? error;
    console.error(lineOf(told) ?? told);
    process.exit(told instanceof MnemeError && told.code === "NOT_FOUND" ? NOTHING_FOUND : FAILED);
  });
}

/** What a benchmark itself has to say needs no stack. */
function lineOf(error: Error): string | undefined {
  if (error instanceof MnemeError) return `mneme: [${error.code}] ${error.message}`;
  return error.message?.startsWith("bench: ") ? `mneme: ${error.message}` : undefined;
}
