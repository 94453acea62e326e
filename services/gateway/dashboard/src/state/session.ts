import { batch, computed, signal } from "@preact/signals";
import { authenticate } from "../api/client.ts";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { User } from "../api/types.ts";

/** Everything that the page stores begins with this. */
const PREFIX = "cryptolens.";
const STORAGE = `${PREFIX}key`;

export const key = signal<string | null>(null);
export const user = signal<User | null>(null);
/** Why the last session ended, when it did not end by choice. */
export const ended = signal<string | null>(null);

export const signedIn = computed(() => key.value !== null);

/** Takes up the session of an earlier visit. The key is checked by the first requests that use it. */
export function resume(): void {
  const stored = read(sessionStorage) ?? read(localStorage);
  if (stored) accept(stored);
}

/** Checks a key with the API and opens the session with it. */
export async function signIn(candidate: string, stay: boolean): Promise<void> {
  const owner = await api.me(candidate);
  write(stay ? localStorage : sessionStorage, candidate);
  user.value = owner;
  accept(candidate);
}

const cleanups: (() => void)[] = [];

/** Registers what a part of the page has to forget when the session ends, for whatever reason it does. */
export function onSignOut(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** Ends the session and leaves nothing of it behind: on this page, in its storage, or on its way. */
export function signOut(reason: string | null = null): void {
  const left = key.peek();
  authenticate(null, () => undefined);
  erase(sessionStorage);
  // Another tab may have stored the key of another account meanwhile.
  const stored = read(localStorage);
  if (stored === null || stored === left) erase(localStorage);
  batch(() => {
    key.value = null;
    user.value = null;
    ended.value = reason;
    for (const cleanup of cleanups) cleanup();
  });
}

function accept(accepted: string): void {
  authenticate(accepted, (error: ApiError) => signOut(error.message));
  ended.value = null;
  key.value = accepted;
  if (user.value === null) {
    api.me().then(
      (owner) => (user.value = owner),
      () => undefined, // Only the menu's caption depends on it.
    );
  }
}

/** Storage can be forbidden by the browser; the session then lives as long as the page. */
function read(storage: Storage): string | null {
  try {
    return storage.getItem(STORAGE);
  } catch {
    return null;
  }
}

function write(storage: Storage, value: string): void {
  try {
    storage.setItem(STORAGE, value);
  } catch {
    // See `read`.
  }
}

function erase(storage: Storage): void {
  try {
    for (const name of Object.keys(storage)) if (name.startsWith(PREFIX)) storage.removeItem(name);
  } catch {
    // See `read`.
  }
}
