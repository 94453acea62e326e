/**
 * The server's token buckets, mirrored in the page (API contract, chapter 3). Polling spends only
 * what is left above a reserve, so that a person's own click is never the request that is refused.
 */
export type Policy = "market" | "analytics" | "alerts" | "write" | "me" | "none";

/** What is known of a bucket at a moment. */
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
};

export class RateBudget {
  readonly #buckets = new Map<Policy, Bucket>();
  readonly #now: () => number;
  /** Called with what an answer said, for the other tabs, which spend from the same buckets. */
  onUpdate: (policy: Policy, level: BucketLevel) => void = () => undefined;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** What could be asked at this moment without being refused. */
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

  /** Forgets what was learned: another account has buckets of its own. */
  reset(): void {
    this.#buckets.clear();
  }

  spend(policy: Policy): void {
    if (policy === "none") return;
    const bucket = this.#refilled(policy);
    bucket.left = Math.max(0, bucket.left - 1);
  }

  /** A poll leaves a third of the bucket to the person. */
  reserve(policy: Policy): number {
    return policy === "none" ? 0 : Math.floor(this.#refilled(policy).capacity / 3);
  }

  /** Learns the true limit and what is left of it from the response's own headers. */
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

  /** Takes over what the server said, to this tab or to another one of the account. */
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
