import type { KeyCreate, Role, Scope } from "../api/types.ts";
import { isNetwork } from "./ip-network.ts";

const ROLES: readonly Role[] = ["reader", "analyst", "admin"];

/** Every right that a key can have, with the lowest role that permits it. */
const SCOPES: Record<Scope, Role> = {
  "market:read": "reader",
  "price:read": "reader",
  "analytics:read": "reader",
  "forecast:read": "analyst",
  "alerts:read": "reader",
  "alerts:write": "reader",
  "webhooks:read": "reader",
  "webhooks:write": "reader",
  "portfolio:read": "reader",
  "portfolio:write": "reader",
  "stream:read": "reader",
  "keys:write": "reader",
  admin: "admin",
};

export function scopesOf(role: Role): Scope[] {
  const rank = ROLES.indexOf(role);
  return (Object.keys(SCOPES) as Scope[]).filter((scope) => ROLES.indexOf(SCOPES[scope]) <= rank);
}

export const EXPIRIES = ["never", "week", "month", "quarter", "year"] as const;
export type Expiry = (typeof EXPIRIES)[number];

const DAY_MS = 86_400_000;
const EXPIRY_DAYS: Record<Exclude<Expiry, "never">, number> = { week: 7, month: 30, quarter: 90, year: 365 };

/** The time of an expiry that was chosen now; `null` for never. */
export const expiryTime = (expiry: Expiry, now: number): string | null =>
  expiry === "never" ? null : new Date(now + EXPIRY_DAYS[expiry] * DAY_MS).toISOString();

/** What a person has entered into the form of a new key. */
export interface KeyDraft {
  name: string;
  /** `null` for all that the role permits. */
  scopes: ReadonlySet<Scope> | null;
  expiry: Expiry;
  /** One per line. */
  addresses: string;
}

export type KeyProblem =
  { kind: "nameMissing" | "nameTooLong" | "noScope" | "tooManyAddresses" } | { kind: "notAnAddress"; text: string };

export type KeyProblems = Partial<Record<"name" | "scopes" | "ip_allow", KeyProblem>>;

const MAX_NAME = 100;
const MAX_ADDRESSES = 50;

/** The key as it is asked for, or every mistake. */
export function readKeyDraft(draft: KeyDraft, now: number): { wanted: KeyCreate } | { problems: KeyProblems } {
  const name = draft.name.trim();
  const addresses = draft.addresses.split(/[\s,;]+/).filter(Boolean);
  const wrong = addresses.find((address) => !isNetwork(address));
  const problems: KeyProblems = {};
  if (name === "") problems.name = { kind: "nameMissing" };
  // As the server counts: characters rather than UTF-16 units.
  else if ([...name].length > MAX_NAME) problems.name = { kind: "nameTooLong" };
  if (draft.scopes?.size === 0) problems.scopes = { kind: "noScope" };
  if (wrong !== undefined) problems.ip_allow = { kind: "notAnAddress", text: wrong };
  else if (addresses.length > MAX_ADDRESSES) problems.ip_allow = { kind: "tooManyAddresses" };
  if (Object.keys(problems).length > 0) return { problems };

  const expires = expiryTime(draft.expiry, now);
  const wanted: KeyCreate = { name };
  if (draft.scopes !== null) wanted.scopes = [...draft.scopes];
  if (expires !== null) wanted.expires_at = expires;
  if (addresses.length > 0) wanted.ip_allow = addresses;
  return { wanted };
}
