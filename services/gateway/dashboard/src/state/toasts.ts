import { signal } from "@preact/signals";
import { onSignOut } from "./session.ts";

export interface Toast {
  id: number;
  /** Written when it is shown, in the language of the page at that time. */
  text: () => string;
}

const SHOWN_MS = 6_000;
let lastId = 0;

/** Short messages that disappear by themselves. */
export const toasts = signal<Toast[]>([]);

onSignOut(() => (toasts.value = []));

export function showToast(text: () => string): void {
  const id = ++lastId;
  toasts.value = [...toasts.peek().slice(-2), { id, text }];
  setTimeout(() => dismissToast(id), SHOWN_MS);
}

export function dismissToast(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id);
}
