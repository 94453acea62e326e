import { backoff } from "../lib/backoff.ts";
import type { Authority, Proof } from "./authority.ts";
import { ApiError } from "./errors.ts";
import type { Tokens } from "./types.ts";

/** What a refresh gave, for the other tabs too. The access token is never stored. */
export interface Grant {
  accessToken: string;
  refreshToken: string;
  /** By this device's clock; `Infinity` when the server did not say it in a way that is known. */
  expiresAt: number;
}

interface Options {
  /** Exchanges a refresh token, which can be used once, for new tokens. */
  refresh: (refreshToken: string) => Promise<Tokens>;
  /** Runs the work while no other tab does: a token that two tabs used would end the session of both. */
  exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** The newest refresh token of this session that any tab has stored; `null` when there is none. */
  stored: () => string | null;
  /** Keeps a new refresh token and tells the other tabs. */
  granted: (grant: Grant, replaced: string) => void;
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
}

/** The last part of a lifetime, in which a token is renewed before it is used. */
const EARLY_SHARE = 0.1;
const MAX_EARLY_MS = 60_000;
/** How long the lock is held after a refresh: what one tab stored, tabs of other processes see a moment later. */
const SETTLE_MS = 100;

const UNITS: Record<string, number> = { "": 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "1h" → 3 600 000; `null` for what has another form. */
export function lifetimeOf(expiresIn: string): number | null {
  const [, count, unit = ""] = /^(\d+)([smhd]?)$/.exec(expiresIn.trim()) ?? [];
  const size = UNITS[unit];
  return count === undefined || size === undefined ? null : Number(count) * size;
}

export function grantOf({ accessToken, refreshToken, expiresIn }: Tokens, now: number): Grant {
  const lifetime = lifetimeOf(expiresIn);
  const early = lifetime === null ? 0 : Math.min(MAX_EARLY_MS, lifetime * EARLY_SHARE);
  return { accessToken, refreshToken, expiresAt: lifetime === null ? Infinity : now + lifetime - early };
}

/**
 * The tokens of one session. The access token is renewed before it expires, and after the gateway has refused it: once
 * for all requests of this tab that wait for it, and once for all tabs.
 */
export class AccessTokens implements Authority {
  readonly #options: Options;
  readonly #now: () => number;
  #refreshToken: string;
  #access: { token: string; expiresAt: number } | null = null;
  #refreshing: Promise<string> | null = null;
  /** A failed refresh is not repeated by each request at once. */
  #failure: { error: ApiError; count: number; until: number } | null = null;

  constructor(refreshToken: string, options: Options) {
    this.#refreshToken = refreshToken;
    this.#options = options;
    this.#now = options.now ?? (() => Date.now());
  }

  get refreshToken(): string {
    return this.#refreshToken;
  }

  /** Takes what this tab or another one of the session was given. */
  adopt({ accessToken, refreshToken, expiresAt }: Grant): void {
    this.#refreshToken = refreshToken;
    this.#access = { token: accessToken, expiresAt };
    this.#failure = null;
  }

  async proof(): Promise<Proof> {
    return { kind: "token", token: this.#fresh() ?? (await this.#renewed()) };
  }

  async renew(refused: Proof, error: ApiError): Promise<Proof | null> {
    if (refused.kind !== "token" || (error.type !== "token_expired" && error.type !== "invalid_token")) return null;
    if (this.#access?.token === refused.token) this.#access = null;
    return this.proof();
  }

  #fresh(): string | null {
    return this.#access && this.#access.expiresAt > this.#now() ? this.#access.token : null;
  }

  #renewed(): Promise<string> {
    if (this.#failure && this.#failure.until > this.#now()) return Promise.reject(this.#failure.error);
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  /** Ends with the token, not with the lock, which is held a moment longer. */
  #refresh(): Promise<string> {
    return new Promise((resolve, reject) => {
      const { exclusively, sleep = (ms) => new Promise((wake) => setTimeout(wake, ms)) } = this.#options;
      const work = async (): Promise<void> => {
        const fresh = this.#fresh();
        if (fresh !== null) return resolve(fresh);
        resolve(await this.#exchange());
        await sleep(SETTLE_MS);
      };
      exclusively(work).catch(reject);
    });
  }

  async #exchange(): Promise<string> {
    const replaced = this.#options.stored() ?? this.#refreshToken;
    let tokens: Tokens;
    try {
      tokens = await this.#options.refresh(replaced);
    } catch (cause) {
      const error = ApiError.from(cause);
      const count = (this.#failure?.count ?? 0) + 1;
      const wait = error.retryAfterMs ?? backoff(count, Math.random());
      this.#failure = { error, count, until: this.#now() + wait };
      throw error;
    }
    const grant = grantOf(tokens, this.#now());
    this.adopt(grant);
    this.#options.granted(grant, replaced);
    return grant.accessToken;
  }
}
