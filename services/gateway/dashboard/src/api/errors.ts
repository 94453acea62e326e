import type { ErrorBody, Violation } from "./types.ts";

/** Any field can be missing: a proxy may have answered instead of the gateway. */
type ErrorParts = { [K in keyof ErrorBody]?: ErrorBody[K] | null };

/** A failed request: the API's error body, or only its type when there was no response. */
export class ApiError extends Error {
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  readonly type: string;
  /** What went wrong, in the server's language. */
  readonly detail: string | null;
  readonly remediation: string | null;
  readonly fields: Violation[];
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;

  constructor(status: number, body: ErrorParts) {
    super(body.detail ?? `${body.type ?? "no error body"}, status ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.type = body.type ?? "unknown";
    this.detail = body.detail ?? null;
    this.remediation = body.remediation ?? null;
    this.fields = body.errors ?? [];
    this.retryAfterMs = body.retry_after == null ? null : body.retry_after * 1000;
    this.requestId = body.request_id ?? null;
  }

  /** The constructor's arguments, for a message to another tab: errors cannot be cloned with their fields. */
  toParts(): [status: number, body: ErrorParts] {
    const { type, detail, remediation } = this;
    const retryAfter = this.retryAfterMs === null ? null : this.retryAfterMs / 1000;
    return [
      this.status,
      {
        detail,
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
    return new ApiError(0, { type: "unreachable" });
  }

  static timeout(): ApiError {
    return new ApiError(0, { type: "timeout" });
  }

  /** Whether the gateway or the network failed, rather than the request being refused. */
  get isOutage(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Reads the error body of a response, which need not come from the gateway. */
export async function readError(response: Response): Promise<ApiError> {
  let body: ErrorParts = {};
  try {
    const parsed: unknown = await response.json();
    if (typeof parsed === "object" && parsed !== null) body = parsed;
  } catch {
    // Not JSON, so probably from a proxy: only the status is known.
  }
  const seconds = Number(response.headers.get("Retry-After") ?? NaN);
  if (body.retry_after == null && Number.isFinite(seconds)) body = { ...body, retry_after: seconds };
  return new ApiError(response.status, body);
}
