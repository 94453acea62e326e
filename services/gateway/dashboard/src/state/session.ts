import { batch, computed, signal } from "@preact/signals";
import { AccessTokens, grantOf, type Grant } from "../api/access-tokens.ts";
import * as accountApi from "../api/account-routes.ts";
import { KeyAuthority, type Authority, type Proof } from "../api/authority.ts";
import { authenticate } from "../api/client.ts";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { CreatedKey, User } from "../api/types.ts";
import { exclusively } from "../lib/exclusive.ts";
import { clearStorage, readStorage, writeStorage, type Area } from "../lib/storage.ts";
import { tabGroup } from "../lib/tabs.ts";

/** Prefix of everything in the storage, which signing out removes. */
export const PREFIX = "cryptolens.";
const KEY = `${PREFIX}key`;
const REFRESH = `${PREFIX}refresh`;
/** The account's id: tabs find each other by it before the first response. */
const ACCOUNT = `${PREFIX}account`;
/** Without the prefix: it is about all tabs, not about a session. */
const REFRESH_LOCK = "cryptolens-refresh";

/** What a session was opened with, and goes on with after a reload. */
export type Credential = { kind: "key"; key: string } | { kind: "tokens"; refreshToken: string };

export const credential = signal<Credential | null>(null);
export const user = signal<User | null>(null);
/** Why a session ended, other than by the person here: it was refused, or the person signed out in another tab. */
export type SignOutReason = ApiError | "other-tab";
export const signOutReason = signal<SignOutReason | null>(null);

const storedAccount = signal<string | null>(null);
/** The account's id; `null` while it is not known. */
export const account = computed(() => (credential.value === null ? null : (user.value?.id ?? storedAccount.value)));

/** Notice to the account's other tabs. */
export const SIGNED_OUT = "signed-out";
/** Notice to the other tabs of the session: the refresh token that was used, and what it gave. */
export interface TokensNotice {
  replaced: string;
  grant: Grant;
}

export const signedIn = computed(() => credential.value !== null);

let authority: KeyAuthority | AccessTokens | null = null;

const secretOf = (of: Credential): string => (of.kind === "key" ? of.key : of.refreshToken);

function storedIn(area: Area): Credential | null {
  const key = readStorage(area, KEY);
  const refreshToken = readStorage(area, REFRESH);
  if (key) return { kind: "key", key };
  return refreshToken ? { kind: "tokens", refreshToken } : null;
}

function store(area: Area, kept: Credential, owner: string): void {
  writeStorage(area, KEY, kept.kind === "key" ? kept.key : null);
  writeStorage(area, REFRESH, kept.kind === "tokens" ? kept.refreshToken : null);
  writeStorage(area, ACCOUNT, owner);
}

/** Where this session is stored; `null` when another tab has stored another account's in its place. */
function ownArea(): Area | null {
  const now = credential.peek();
  if (now === null) return null;
  const isOwn = (area: Area): boolean => {
    const stored = storedIn(area);
    if (stored?.kind !== now.kind) return false;
    // Of tokens it may be a newer one, which another tab has stored.
    const isNewer = now.kind === "tokens" && readStorage(area, ACCOUNT) === account.peek();
    return isNewer || secretOf(stored) === secretOf(now);
  };
  return (["sessionStorage", "localStorage"] as const).find(isOwn) ?? null;
}

/** Restores the session of an earlier visit. The first requests verify it. */
export function restoreSession(): void {
  for (const area of ["sessionStorage", "localStorage"] as const) {
    const stored = storedIn(area);
    if (!stored) continue;
    storedAccount.value = readStorage(area, ACCOUNT);
    return openSession(stored);
  }
}

/** Verifies a key and opens a session with it. */
export async function signIn(candidate: string, remember: boolean): Promise<void> {
  const opened: Credential = { kind: "key", key: candidate };
  const owner = await api.me(opened);
  begin(opened, owner, remember);
}

/** Logs in with a password and opens a session with the tokens. */
export async function logIn(username: string, password: string, remember: boolean): Promise<void> {
  const tokens = await accountApi.logIn({ username, password });
  const grant = grantOf(tokens, Date.now());
  const owner = await api.me({ kind: "token", token: grant.accessToken });
  begin({ kind: "tokens", refreshToken: grant.refreshToken }, owner, remember, grant);
}

function begin(opened: Credential, owner: User, remember: boolean, grant?: Grant): void {
  store(remember ? "localStorage" : "sessionStorage", opened, owner.id);
  user.value = owner;
  openSession(opened, grant);
}

/** How a session ended. */
export interface SessionEnd {
  account: string | null;
  /** The gateway refused it, so the person was interrupted and may come back. */
  isRefused: boolean;
}

const cleanups: ((end: SessionEnd) => void)[] = [];

/** Registers a cleanup that runs whenever a session ends. */
export function onSignOut(cleanup: (end: SessionEnd) => void): void {
  cleanups.push(cleanup);
}

/**
 * Ends the session and removes everything of it from the page, its storage and requests in flight. Without a reason
 * the person signed out, which ends the sessions of the account's other tabs too, and that of the tokens on the server.
 */
export function signOut(reason: SignOutReason | null = null): void {
  const isRefused = reason !== null && reason !== "other-tab";
  const end: SessionEnd = { account: account.peek(), isRefused };
  if (reason === null) {
    tabGroup.peek()?.announce(SIGNED_OUT);
    if (authority instanceof AccessTokens) endOnServer(authority);
  }
  const isOwn = ownArea() === "localStorage" || storedIn("localStorage") === null;
  authority = null;
  authenticate(null, () => undefined);
  clearStorage("sessionStorage", PREFIX);
  // Another tab may have stored the session of another account.
  if (isOwn) clearStorage("localStorage", PREFIX);
  batch(() => {
    credential.value = null;
    user.value = null;
    storedAccount.value = null;
    signOutReason.value = reason;
    for (const cleanup of cleanups) cleanup(end);
  });
}

/** Without waiting: the page forgets the tokens at once, and on the server they end by themselves if this fails. */
function endOnServer(tokens: AccessTokens): void {
  void Promise.resolve(tokens.proof())
    .then((proof) => accountApi.logOut(proof, tokens.refreshToken))
    .catch(() => undefined);
}

/** Rotates the session's own key, and goes on with the new one. */
export async function rotateOwnKey(rotate: (proof: Proof) => Promise<CreatedKey>): Promise<CreatedKey> {
  const own = authority;
  if (!(own instanceof KeyAuthority)) throw new Error("this session has no key of its own");
  const created = await own.rotate(rotate);
  if (authority === own) {
    const area = ownArea();
    credential.value = { kind: "key", key: own.key };
    if (area) writeStorage(area, KEY, own.key);
  }
  return created;
}

/** Takes the tokens that another tab of this session was given. */
export function adoptTokens({ replaced, grant }: TokensNotice): void {
  if (!(authority instanceof AccessTokens) || authority.refreshToken !== replaced) return;
  const area = ownArea();
  authority.adopt(grant);
  keepTokens(grant, area);
}

function keepTokens({ refreshToken }: Grant, area: Area | null): void {
  credential.value = { kind: "tokens", refreshToken };
  if (area) writeStorage(area, REFRESH, refreshToken);
}

function tokensOf(refreshToken: string, grant: Grant | undefined): AccessTokens {
  const tokens: AccessTokens = new AccessTokens(refreshToken, {
    refresh: accountApi.refresh,
    exclusively: (work) => exclusively(REFRESH_LOCK, work),
    stored: () => {
      const area = authority === tokens ? ownArea() : null;
      return area && readStorage(area, REFRESH);
    },
    granted: (granted, replaced) => {
      // After a sign-out nothing of the session is stored.
      if (authority !== tokens) return;
      const area = ownArea();
      keepTokens(granted, area);
      tabGroup.peek()?.announce({ replaced, grant: granted } satisfies TokensNotice);
    },
  });
  if (grant) tokens.adopt(grant);
  return tokens;
}

function openSession(accepted: Credential, grant?: Grant): void {
  const next = accepted.kind === "key" ? new KeyAuthority(accepted.key) : tokensOf(accepted.refreshToken, grant);
  authority = next;
  authenticate(next satisfies Authority, (error) => signOut(error));
  signOutReason.value = null;
  credential.value = accepted;
  if (user.value === null) {
    api.me().then(
      (owner) => (user.value = owner),
      () => undefined, // Only the menu shows it.
    );
  }
}
