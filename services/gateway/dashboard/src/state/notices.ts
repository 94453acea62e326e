import { signal } from "@preact/signals";
import { onSignOut } from "./session.ts";

export interface Notice {
  id: number;
  text: string;
}

const SHOWN_MS = 6_000;
let lastId = 0;

/** Short messages about what has just happened; they leave by themselves. */
export const notices = signal<Notice[]>([]);

onSignOut(() => (notices.value = []));

export function notify(text: string): void {
  const id = ++lastId;
  notices.value = [...notices.peek().slice(-2), { id, text }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
}
