import { isMnemeError } from "../../src/errors.ts";

/** The code of the MnemeError that an action throws, at once or later; "no error" where it throws none. Other errors pass. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (isMnemeError(error)) return error.code;
    throw error;
  }
  return "no error";
}
