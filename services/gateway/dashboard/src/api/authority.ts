import type { ApiError } from "./errors.ts";
import type { CreatedKey } from "./types.ts";

/** What one request proves its sender with. */
export type Proof = { kind: "key"; key: string } | { kind: "token"; token: string };

/** What gives a session's requests their proof. */
export interface Authority {
  /** The proof for a request that is about to be sent. */
  proof: () => Proof | Promise<Proof>;
  /** Another proof after a 401 to this one, to try once more with; `null` when there is none. */
  renew: (refused: Proof, error: ApiError) => Promise<Proof | null>;
}

export function proofHeaders(proof: Proof): Record<string, string> {
  return proof.kind === "key" ? { "X-API-Key": proof.key } : { Authorization: `Bearer ${proof.token}` };
}

/** A key, which a rotation replaces by another one. */
export class KeyAuthority implements Authority {
  #key: string;
  #rotation: Promise<void> | null = null;

  constructor(key: string) {
    this.#key = key;
  }

  get key(): string {
    return this.#key;
  }

  proof(): Proof | Promise<Proof> {
    return this.#rotation ? this.#rotation.then(() => this.#proof()) : this.#proof();
  }

  /** A request may have been under way with the key before. */
  async renew(refused: Proof): Promise<Proof | null> {
    const proof = await this.proof();
    return refused.kind === "key" && refused.key === this.#key ? null : proof;
  }

  /**
   * Replaces the key by the one that the work gives. Requests wait for it, because the gateway can refuse the old key
   * before it has said the new one.
   */
  async rotate(work: (proof: Proof) => Promise<CreatedKey>): Promise<CreatedKey> {
    const next = work(this.#proof());
    this.#rotation = next.then(
      ({ api_key }) => void (this.#key = api_key),
      () => undefined,
    );
    try {
      return await next;
    } finally {
      this.#rotation = null;
    }
  }

  #proof(): Proof {
    return { kind: "key", key: this.#key };
  }
}
