/** How errors cross between threads: a message carries what it can, the other end throws them again. */
import { type ErrorCode, isMnemeError, MnemeError } from "./errors.ts";

export interface CarriedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack?: string | undefined;
}

/** @param where what the thread does, for errors that nobody foresaw: they are INTERNAL */
export function carry(error: unknown, where: string): CarriedError {
  const { code, message, details } = isMnemeError(error)
    ? error
    : new MnemeError("INTERNAL", `${where}: ${String(error)}`);
  return { code, message, details, stack: error instanceof Error ? error.stack : undefined };
}

/** The error as it was thrown over there; its stack is the cause. */
export function carried({ code, message, details, stack }: CarriedError): MnemeError {
  return new MnemeError(code, message, { details, cause: stack });
}
