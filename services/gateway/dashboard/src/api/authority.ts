import type { ApiError } from "./errors.ts";

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

  constructor(key: string) {
    this.#key = key;
  }

  proof(): Proof {
    return { kind: "key", key: this.#key };
  }

  replace(key: string): void {
    this.#key = key;
  }

  /** A request may have been under way with the key before. */
  async renew(refused: Proof): Promise<Proof | null> {
    return refused.kind === "key" && refused.key !== this.#key ? this.proof() : null;
  }
}
