import { batch, computed, signal } from "@preact/signals";
import { authenticate } from "../api/client.ts";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { User } from "../api/types.ts";
import { clearStorage, readStorage, writeStorage } from "../lib/storage.ts";
import { tabGroup } from "../lib/tabs.ts";

/** Prefix of everything in the storage, which signing out removes. */
export const PREFIX = "cryptolens.";
const KEY = `${PREFIX}key`;
/** The account's id: tabs find each other by it before the first response. */
const ACCOUNT = `${PREFIX}account`;

export const key = signal<string | null>(null);
export const user = signal<User | null>(null);
/** Why a session ended, other than by the person here: its key was refused, or the person signed out in another tab. */
export type SignOutReason = ApiError | "other-tab";
export const signOutReason = signal<SignOutReason | null>(null);

const storedAccount = signal<string | null>(null);
/** The account's id; `null` while it is not known. */
export const account = computed(() => (key.value === null ? null : (user.value?.id ?? storedAccount.value)));

/** Notice to the account's other tabs. */
export const SIGNED_OUT = "signed-out";

export const signedIn = computed(() => key.value !== null);

/** Restores the session of an earlier visit. The first requests verify its key. */
export function restoreSession(): void {
  const area = (["sessionStorage", "localStorage"] as const).find((each) => readStorage(each, KEY) !== null);
  const stored = area && readStorage(area, KEY);
  if (!stored) return;
  storedAccount.value = readStorage(area, ACCOUNT);
  openSession(stored);
}

/** Verifies a key and opens a session with it. */
export async function signIn(candidate: string, remember: boolean): Promise<void> {
  const owner = await api.me(candidate);
  const area = remember ? "localStorage" : "sessionStorage";
  writeStorage(area, KEY, candidate);
  writeStorage(area, ACCOUNT, owner.id);
  user.value = owner;
  openSession(candidate);
}

/** How a session ended. */
export interface SessionEnd {
  account: string | null;
  /** The gateway refused the key, so the person was interrupted and may come back with another key. */
  isKeyRefused: boolean;
}

const cleanups: ((end: SessionEnd) => void)[] = [];

/** Registers a cleanup that runs whenever a session ends. */
export function onSignOut(cleanup: (end: SessionEnd) => void): void {
  cleanups.push(cleanup);
}

/**
 * Ends the session and removes everything of it from the page, its storage and requests in flight. Without a reason
 * the person signed out, which ends the sessions of the account's other tabs too.
 */
export function signOut(reason: SignOutReason | null = null): void {
  const isKeyRefused = reason !== null && reason !== "other-tab";
  const end: SessionEnd = { account: account.peek(), isKeyRefused };
  if (reason === null) tabGroup.peek()?.announce(SIGNED_OUT);
  const left = key.peek();
  authenticate(null, () => undefined);
  clearStorage("sessionStorage", PREFIX);
  // Another tab may have stored the key of another account.
  const stored = readStorage("localStorage", KEY);
  if (stored === null || stored === left) clearStorage("localStorage", PREFIX);
  batch(() => {
    key.value = null;
    user.value = null;
    storedAccount.value = null;
    signOutReason.value = reason;
    for (const cleanup of cleanups) cleanup(end);
  });
}

function openSession(accepted: string): void {
  authenticate(accepted, (error) => signOut(error));
  signOutReason.value = null;
  key.value = accepted;
  if (user.value === null) {
    api.me().then(
      (owner) => (user.value = owner),
      () => undefined, // Only the menu shows it.
    );
  }
}
