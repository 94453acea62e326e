import { batch, computed, signal } from "@preact/signals";
import { authenticate } from "../api/client.ts";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { User } from "../api/types.ts";
import { tabGroup } from "../lib/tabs.ts";

/** Everything that the page stores begins with this. */
const PREFIX = "cryptolens.";
const KEY = `${PREFIX}key`;
/** The id of the key's account: tabs find each other by it before the API has been asked. */
const ACCOUNT = `${PREFIX}account`;

export const key = signal<string | null>(null);
export const user = signal<User | null>(null);
/** Why the last session signOutReason, when it did not end by choice. */
export const signOutReason = signal<string | null>(null);

const storedAccount = signal<string | null>(null);
/** The id of the account, as far as it is known. */
export const account = computed(() => (key.value === null ? null : (user.value?.id ?? storedAccount.value)));

/** What tabs of one account tell each other about the session. */
export const SIGNED_OUT = "signed-out";

export const signedIn = computed(() => key.value !== null);

/** Takes up the session of an earlier visit. The key is checked by the first requests that use it. */
export function restoreSession(): void {
  const storage = [sessionStorage, localStorage].find((each) => read(each, KEY) !== null);
  const stored = storage && read(storage, KEY);
  if (!stored) return;
  storedAccount.value = read(storage, ACCOUNT);
  openSession(stored);
}

/** Checks a key with the API and opens the session with it. */
export async function signIn(candidate: string, remember: boolean): Promise<void> {
  const owner = await api.me(candidate);
  const storage = remember ? localStorage : sessionStorage;
  write(storage, KEY, candidate);
  write(storage, ACCOUNT, owner.id);
  user.value = owner;
  openSession(candidate);
}

const cleanups: (() => void)[] = [];

/** Registers what a part of the page has to forget when the session ends, for whatever reason it does. */
export function onSignOut(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/**
 * Ends the session and leaves nothing of it behind: on this page, in its storage, or on its way. Without a
 * reason a person chose it, and the account's other tabs in this browser end theirs too.
 */
export function signOut(reason: string | null = null): void {
  if (reason === null) tabGroup.peek()?.announce(SIGNED_OUT);
  const left = key.peek();
  authenticate(null, () => undefined);
  clearStorage(sessionStorage);
  // Another tab may have stored the key of another account meanwhile.
  const stored = read(localStorage, KEY);
  if (stored === null || stored === left) clearStorage(localStorage);
  batch(() => {
    key.value = null;
    user.value = null;
    storedAccount.value = null;
    signOutReason.value = reason;
    for (const cleanup of cleanups) cleanup();
  });
}

function openSession(accepted: string): void {
  authenticate(accepted, (error: ApiError) => signOut(error.message));
  signOutReason.value = null;
  key.value = accepted;
  if (user.value === null) {
    api.me().then(
      (owner) => (user.value = owner),
      () => undefined, // Only the menu's caption depends on it.
    );
  }
}

/** Storage can be forbidden by the browser; the session then lives as long as the page. */
function read(storage: Storage, name: string): string | null {
  try {
    return storage.getItem(name);
  } catch {
    return null;
  }
}

function write(storage: Storage, name: string, value: string): void {
  try {
    storage.setItem(name, value);
  } catch {
    // See `read`.
  }
}

function clearStorage(storage: Storage): void {
  try {
    for (const name of Object.keys(storage)) if (name.startsWith(PREFIX)) storage.removeItem(name);
  } catch {
    // See `read`.
  }
}
