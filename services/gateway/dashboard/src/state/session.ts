import { computed, signal } from "@preact/signals";
import { authenticate } from "../api/client.ts";
import type { ApiError } from "../api/errors.ts";
import * as api from "../api/routes.ts";
import type { User } from "../api/types.ts";

const STORAGE = "cryptolens.key";

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

export function signOut(reason: string | null = null): void {
  authenticate(null, () => undefined);
  write(sessionStorage, null);
  write(localStorage, null);
  key.value = null;
  user.value = null;
  ended.value = reason;
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

function write(storage: Storage, value: string | null): void {
  try {
    if (value === null) storage.removeItem(STORAGE);
    else storage.setItem(STORAGE, value);
  } catch {
    // See `read`.
  }
}
