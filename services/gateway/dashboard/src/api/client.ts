import { RateBudget, type Policy } from "../lib/rate-budget.ts";
import { proofHeaders, type Authority, type Proof } from "./authority.ts";
import { ApiError, readError } from "./errors.ts";

/** Shared by everything on the page that sends requests. */
export const rateBudget = new RateBudget();

const TIMEOUT_MS = 12_000;

interface Options {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  policy?: Policy;
  query?: Record<string, string | number | boolean | undefined>;
  /** Serialized as JSON unless it is a string, which must be JSON. */
  body?: unknown;
  /** Instead of the session's proof, for one that has not been verified or that is about to end; `null` sends none. */
  as?: Proof | null;
  /** Goes on when the page is closed. */
  keepalive?: boolean;
  signal?: AbortSignal | undefined;
  /** Gets the headers of a success, for what the body does not hold. */
  onHeaders?: (headers: Headers) => void;
}

let authority: Authority | null = null;
let session = new AbortController();
let onUnauthorized: (error: ApiError) => void = () => undefined;

/**
 * Sets what proves all further requests and the callback for the 401 that ends it. Requests of the previous session
 * are aborted, so that their responses do not reach another account.
 */
export function authenticate(next: Authority | null, unauthorized: (error: ApiError) => void): void {
  session.abort();
  session = new AbortController();
  authority = next;
  onUnauthorized = unauthorized;
}

/**
 * The only place that sends requests. Every failure is an `ApiError`, except an abort by the caller or by the end of
 * the session.
 */
export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const { method = "GET" } = options;
  const own = options.as === undefined ? authority : null;
  const signals = [options.signal, options.as === undefined ? session.signal : undefined];
  const signal = AbortSignal.any(signals.filter((each) => each !== undefined));
  const headers: Record<string, string> = { Accept: "application/json" };
  // The same one when the request is sent once more.
  if (method === "POST") headers["Idempotency-Key"] = randomId();

  try {
    const proof = own ? await own.proof() : (options.as ?? null);
    signal.throwIfAborted();
    try {
      return await send<T>(path, options, headers, proof, signal);
    } catch (cause) {
      if (!own || !proof || !isUnauthorized(cause)) throw cause;
      const renewed = await own.renew(proof, cause);
      signal.throwIfAborted();
      if (!renewed) throw cause;
      return await send<T>(path, options, headers, renewed, signal);
    }
  } catch (cause) {
    if (own && own === authority && isUnauthorized(cause)) onUnauthorized(cause);
    throw cause;
  }
}

const isUnauthorized = (cause: unknown): cause is ApiError => cause instanceof ApiError && cause.status === 401;

async function send<T>(
  path: string,
  options: Options,
  common: Record<string, string>,
  proof: Proof | null,
  signal: AbortSignal,
): Promise<T> {
  const { method = "GET", policy = "none", body, keepalive = false } = options;
  const headers = { ...common, ...(proof && proofHeaders(proof)) };
  const init: RequestInit = { method, headers, cache: "no-store", credentials: "omit", keepalive };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json; charset=utf-8";
    init.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  init.signal = AbortSignal.any([signal, timeout]);

  rateBudget.spend(policy);
  let response: Response;
  try {
    response = await fetch(path + queryString(options.query), init);
  } catch {
    signal.throwIfAborted();
    throw timeout.aborted ? ApiError.timeout() : ApiError.unreachable();
  }
  signal.throwIfAborted();
  rateBudget.updateFromHeaders(policy, response.headers);
  if (!response.ok) {
    const error = await readError(response);
    signal.throwIfAborted();
    throw error;
  }
  options.onHeaders?.(response.headers);
  if (response.status === 204) return undefined as T;
  let parsed: T;
  try {
    parsed = (await response.json()) as T;
  } catch {
    signal.throwIfAborted();
    throw ApiError.unreachable();
  }
  signal.throwIfAborted();
  return parsed;
}

function queryString(query: Options["query"]): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) parameters.set(name, String(value));
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/** `crypto.randomUUID` exists only in secure contexts, and the page may be served over plain HTTP. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
