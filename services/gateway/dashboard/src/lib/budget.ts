/**
 * The server's token buckets, mirrored in the page (API contract, chapter 3). Polling spends only
 * what is left above a reserve, so that a person's own click is never the request that is refused.
 */
export type Policy = "market" | "analytics" | "alerts" | "write" | "me" | "none";

interface Bucket {
  capacity: number;
  windowMs: number;
  left: number;
  at: number;
}

const LIMITS: Record<Exclude<Policy, "none">, [capacity: number, windowMs: number]> = {
  market: [60, 60_000],
  analytics: [30, 60_000],
  alerts: [5, 10_000],
  write: [30, 60_000],
  me: [5, 10_000],
};

export class Budget {
  readonly #buckets = new Map<Policy, Bucket>();
  readonly #now: () => number;

  constructor(now: () => number = () => Date.now()) {
    this.#now = now;
  }

  /** What could be asked at this moment without being refused. */
  left(policy: Policy): number {
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
  learn(policy: Policy, headers: Headers): void {
    if (policy === "none") return;
    const bucket = this.#refilled(policy);
    const limit = /;q=(\d+);w=(\d+)/.exec(headers.get("RateLimit-Policy") ?? "");
    if (limit) {
      const capacity = Number(limit[1]);
      if (capacity > bucket.capacity) bucket.left += capacity - bucket.capacity;
      bucket.capacity = capacity;
      bucket.windowMs = Number(limit[2]) * 1000;
    }
    const remaining = /;r=(\d+)/.exec(headers.get("RateLimit") ?? "");
    if (remaining) bucket.left = Math.min(bucket.left, Number(remaining[1]));
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
