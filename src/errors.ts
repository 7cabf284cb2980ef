/** The one error class of Mneme and its closed set of codes. Every room throws it; nothing else is thrown on purpose. */

export const ERROR_CODES = [
  "ARGUMENT", // an option or argument that cannot be used; also unknown names
  "RANGE", // a number outside its documented range
  "DIMENSION", // a vector or matrix of another width
  "DTYPE", // a typed array of another element type
  "NOT_FINITE", // NaN or infinity
  "ZERO_VECTOR", // a zero vector under cosine
  "INSUFFICIENT_DATA", // too few rows to fit
  "FORMAT", // bytes that are not what they should be: foreign file, malformed input
  "CORRUPT", // our own bytes, damaged: checksum, truncation
  "VERSION", // our own bytes, of a version this build cannot read
  "SPACE", // two vector spaces mixed
  "LOCKED", // another writer holds the library
  "READ_ONLY", // a write on something opened for reading, or a folder without write permission
  "DISK_FULL", // no space left; the batch was rolled back
  "NOT_FOUND", // no such file, item, command
  "EXISTS", // the destination is already there
  "UNREADABLE", // an input file that cannot be read or decoded
  "UNSUPPORTED", // a verb, format or platform that this object does not support
  "BUDGET", // a structure that cannot fit the byte budget
  "DISPOSED", // used after close
  "STATE", // an illegal move, e.g. encoding before fit
  "CANCELLED", // an AbortSignal fired
  "BUSY", // a queue is full; retry later
  "NETWORK", // a remote endpoint failed or answered nonsense
  "FORBIDDEN", // no or wrong token
  "DEPENDENCY", // an optional package is missing; the message names the install command
  "INTERNAL", // a broken invariant: please report
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface MnemeErrorOptions {
  readonly cause?: unknown;
  /** Machine-readable facts: path, id, expected, received... */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `message` states the operation, what came, what was expected and what to do. */
export class MnemeError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: MnemeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "MnemeError";
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** True for a MnemeError, of the given code when one is named. */
export function isMnemeError(error: unknown, code?: ErrorCode): error is MnemeError {
  return error instanceof MnemeError && (code === undefined || error.code === code);
}

/** Throws CANCELLED once `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, operation: string): void {
  if (signal?.aborted)
    throw new MnemeError("CANCELLED", `${operation}: cancelled by its signal`, { cause: signal.reason });
}
