import type { LimitCreate } from "../api/types.ts";
import { isId } from "./ids.ts";
import { expiryTime, type Expiry } from "./key-form.ts";

export const QUOTA = "quota";

/** What a person has entered into the form of an exception. */
export interface LimitDraft {
  subject: "user" | "key";
  id: string;
  policy: string;
  limit: string;
  windowSeconds: string;
  expiry: Expiry;
}

export type LimitProblem = "notAnId" | "limit" | "window";
export type LimitProblems = Partial<Record<"id" | "limit" | "window_seconds", LimitProblem>>;

const MAX_LIMIT = 10_000_000;
const MAX_WINDOW_SECONDS = 10_000_000;

function wholeNumber(text: string, max: number): number | null {
  const digits = text.replace(/[\s\u00a0\u202f,]/g, "");
  const value = /^\d{1,9}$/.test(digits) ? Number(digits) : 0;
  return value >= 1 && value <= max ? value : null;
}

/** The exception as it is asked for, or every mistake. */
export function readLimitDraft(draft: LimitDraft, now: number): { wanted: LimitCreate } | { problems: LimitProblems } {
  const id = draft.id.trim();
  const limit = wholeNumber(draft.limit, MAX_LIMIT);
  const isQuota = draft.policy === QUOTA;
  const window = isQuota ? null : wholeNumber(draft.windowSeconds, MAX_WINDOW_SECONDS);
  const problems: LimitProblems = {};
  if (!isId(id)) problems.id = "notAnId";
  if (limit === null) problems.limit = "limit";
  if (!isQuota && window === null) problems.window_seconds = "window";
  if (limit === null || Object.keys(problems).length > 0) return { problems };

  const wanted: LimitCreate = { policy: draft.policy, limit };
  if (draft.subject === "user") wanted.user_id = id;
  else wanted.key_id = id;
  if (window !== null) wanted.window_seconds = window;
  const expires = expiryTime(draft.expiry, now);
  if (expires !== null) wanted.expires_at = expires;
  return { wanted };
}
