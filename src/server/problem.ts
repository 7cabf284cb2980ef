/**
 * Errors as answers: a MnemeError becomes a status and { error: { code, message, type, param, details } }; anything else is INTERNAL and
 * logged. `type` and `param` are what clients of OpenAI's API read; so is a code of that API, which `details.apiCode` of an error names.
 */
import { type ErrorCode, isMnemeError, type MnemeError } from "../errors.ts";

/** HTTP status of each error code. `details.status` of an error overrides it. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  ARGUMENT: 400,
  RANGE: 400,
  DIMENSION: 400,
  DTYPE: 400,
  NOT_FINITE: 400,
  ZERO_VECTOR: 400,
  INSUFFICIENT_DATA: 422,
  FORMAT: 422,
  CORRUPT: 500,
  VERSION: 500,
  SPACE: 409,
  LOCKED: 423,
  READ_ONLY: 403,
  DISK_FULL: 507,
  NOT_FOUND: 404,
  EXISTS: 409,
  UNREADABLE: 422,
  UNSUPPORTED: 501,
  BUDGET: 507,
  DISPOSED: 503,
  STATE: 409,
  CANCELLED: 499,
  BUSY: 503,
  NETWORK: 502,
  FORBIDDEN: 403,
  DEPENDENCY: 501,
  INTERNAL: 500,
};

export interface ProblemBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    /** As OpenAI's API sorts errors. */
    readonly type: string;
    /** The field of the request that is at fault, where one is. */
    readonly param: string | null;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

function statusOf(error: MnemeError): number {
  const { status } = error.details;
  return typeof status === "number" ? status : STATUS[error.code];
}

/** The body for any thrown value. What is not ours is hidden behind the request id. */
export function problemBody(error: unknown, requestId: string): ProblemBody {
  if (isMnemeError(error)) {
    const { status: _, apiCode = error.code, param, ...details } = error.details;
    const type = typeOf(statusOf(error));
    return {
      error: {
        code: String(apiCode),
        message: error.message,
        type,
        param: typeof param === "string" ? param : null,
        details,
      },
    };
  }
  const message = `the request failed unexpectedly; the server's log tells more under request id ${requestId}`;
  return {
    error: { code: "INTERNAL", message, type: typeOf(500), param: null, details: { requestId } },
  };
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

export function problem(error: unknown, requestId: string): Response {
  const status = isMnemeError(error) ? statusOf(error) : 500;
  const headers = new Headers();
  if (status === 401) headers.set("www-authenticate", 'Bearer realm="mneme"');
  if (status === 503) headers.set("retry-after", "1");
  return Response.json(problemBody(error, requestId), { status, headers });
}
