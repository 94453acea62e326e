/**
 * Mirrors the gateway's token buckets. Polling spends only what is above a reserve, so that a request that a person
 * starts is not the one that is refused.
 */
export type Policy = "market" | "analytics" | "alerts" | "write" | "me" | "admin" | "none";

export interface BucketLevel {
  capacity: number;
  windowMs: number;
  left: number;
}

interface Bucket extends BucketLevel {
  at: number;
}

const LIMITS: Record<Exclude<Policy, "none">, [capacity: number, windowMs: number]> = {
  market: [60, 60_000],
  analytics: [30, 60_000],
  alerts: [5, 10_000],
  write: [30, 60_000],
  me: [5, 10_000],
  admin: [120, 60_000],
};

export class RateBudget {
  readonly #buckets = new Map<Policy, Bucket>();
  readonly #now: () => number;
  /** Called after each response, for the account's other tabs, which spend from the same buckets. */
  onUpdate: (policy: Policy, level: BucketLevel) => void = () => undefined;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** Requests that are possible now. */
  remaining(policy: Policy): number {
    return policy === "none" ? Number.POSITIVE_INFINITY : this.#refilled(policy).left;
  }

  /** Milliseconds until `wanted` requests are possible; 0 when they are now. */
  waitFor(policy: Policy, wanted: number): number {
    if (policy === "none") return 0;
    const bucket = this.#refilled(policy);
    const missing = Math.min(wanted, bucket.capacity) - bucket.left;
    return missing <= 0 ? 0 : Math.ceil((missing * bucket.windowMs) / bucket.capacity);
  }

  /** For another account, which has its own buckets. */
  reset(): void {
    this.#buckets.clear();
  }

  spend(policy: Policy): void {
    if (policy === "none") return;
    const bucket = this.#refilled(policy);
    bucket.left = Math.max(0, bucket.left - 1);
  }

  /** Waits until polling may send one more request: for a load of several. */
  async turn(policy: Policy, abort: AbortSignal): Promise<void> {
    const wait = this.waitFor(policy, this.reserve(policy) + 1);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    abort.throwIfAborted();
  }

  /** What polling leaves for requests that a person starts: a third of the bucket. */
  reserve(policy: Policy): number {
    return policy === "none" ? 0 : Math.floor(this.#refilled(policy).capacity / 3);
  }

  /** Takes the limit and the remaining requests from the response's headers. */
  updateFromHeaders(policy: Policy, headers: Headers): void {
    if (policy === "none") return;
    const limit = /;q=(\d+);w=(\d+)/.exec(headers.get("RateLimit-Policy") ?? "");
    const remaining = /;r=(\d+)/.exec(headers.get("RateLimit") ?? "");
    const { capacity, windowMs } = this.#refilled(policy);
    this.applyLevel(policy, {
      capacity: limit ? Number(limit[1]) : capacity,
      windowMs: limit ? Number(limit[2]) * 1000 : windowMs,
      left: remaining ? Number(remaining[1]) : Infinity,
    });
    const { left, ...known } = this.#refilled(policy);
    if (remaining) this.onUpdate(policy, { capacity: known.capacity, windowMs: known.windowMs, left });
  }

  /** Applies a level that the gateway reported to this tab or to another one. It never raises what remains. */
  applyLevel(policy: Policy, level: BucketLevel): void {
    if (policy === "none") return;
    const bucket = this.#refilled(policy);
    if (level.capacity > bucket.capacity) bucket.left += level.capacity - bucket.capacity;
    bucket.capacity = level.capacity;
    bucket.windowMs = level.windowMs;
    bucket.left = Math.min(bucket.left, level.left);
  }

  #refilled(policy: Exclude<Policy, "none">): Bucket {
    const now = this.#now();
    const known = this.#buckets.get(policy);
    if (!known) {
      const [capacity, windowMs] = LIMITS[policy];
      const bucket = { capacity, windowMs, left: capacity, at: now };
      this.#buckets.set(policy, bucket);
      return bucket;
    }
    const refill = ((now - known.at) * known.capacity) / known.windowMs;
    known.left = Math.min(known.capacity, known.left + Math.max(0, refill));
    known.at = now;
    return known;
  }
}
