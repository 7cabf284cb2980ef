/** Mneme: long memory for AI on the machine you have. */
export { ERROR_CODES, type ErrorCode, isMnemeError, MnemeError } from "./errors.ts";
export * from "./memory/index.ts";
