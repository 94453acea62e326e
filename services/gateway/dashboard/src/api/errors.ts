import type { ErrorBody, Violation } from "./types.ts";

/** An error body as far as it is known: what answered need not have been the gateway. */
type ErrorParts = { [K in keyof ErrorBody]?: ErrorBody[K] | null };

/** Whatever kept a request from succeeding, in the words of the API or, without an answer, in ours. */
export class ApiError extends Error {
  /** The HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly type: string;
  readonly remediation: string | null;
  readonly fields: Violation[];
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;

  constructor(status: number, body: ErrorParts) {
    super(body.detail ?? `The server answered with status ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.type = body.type ?? "unknown";
    this.remediation = body.remediation ?? null;
    this.fields = body.errors ?? [];
    this.retryAfterMs = body.retry_after == null ? null : body.retry_after * 1000;
    this.requestId = body.request_id ?? null;
  }

  /** The error as data, for a message to another tab; the constructor's arguments. */
  toParts(): [status: number, body: ErrorParts] {
    const { type, remediation } = this;
    const retryAfter = this.retryAfterMs === null ? null : this.retryAfterMs / 1000;
    return [
      this.status,
      {
        detail: this.message,
        type,
        remediation,
        errors: this.fields,
        retry_after: retryAfter,
        request_id: this.requestId,
      },
    ];
  }

  /** Anything that is not an `ApiError` came from a request that got no usable response. */
  static from(cause: unknown): ApiError {
    return cause instanceof ApiError ? cause : ApiError.unreachable();
  }

  static unreachable(): ApiError {
    return new ApiError(0, {
      type: "unreachable",
      detail: "The server does not answer.",
      remediation: "Check that it runs and that this device is connected. The page keeps trying.",
    });
  }

  static timeout(): ApiError {
    return new ApiError(0, {
      type: "timeout",
      detail: "The server took too long to answer.",
      remediation: "The page keeps trying.",
    });
  }

  /** True when the server, or the way to it, is down, rather than the request being wrong. */
  get isOutage(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Reads the error body of any answer, also of one that did not come from the gateway. */
export async function readError(response: Response): Promise<ApiError> {
  let body: ErrorParts = {};
  try {
    const parsed: unknown = await response.json();
    if (typeof parsed === "object" && parsed !== null) body = parsed;
  } catch {
    // Not JSON: a proxy in between. The status alone must do.
  }
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  if (body.retry_after == null && Number.isFinite(seconds)) body = { ...body, retry_after: seconds };
  return new ApiError(response.status, body);
}
