import { effect, signal } from "@preact/signals";
import type { AlertCondition } from "../api/types.ts";
import { locale } from "../i18n/language.ts";
import { rewritePrice } from "../i18n/number-input.ts";
import { account, onSignOut } from "./session.ts";

/** What a person has entered into the form of a new alert. */
export interface Draft {
  /** `null` for the selected asset. */
  ticker: string | null;
  condition: AlertCondition;
  target: string;
  /** `null` for the suggested one. */
  webhookUrl: string | null;
}

const EMPTY: Draft = { ticker: null, condition: "gt", target: "", webhookUrl: null };

/** Whether the form of a new alert is open. */
export const isCreating = signal(false);
/** Kept while the form is closed and when the key is refused, until the alert is created. */
export const draft = signal<Draft>(EMPTY);

/** Whose draft it is, after a session that ended because its key was refused. */
let owner: string | null = null;

export const isDraftEmpty = (): boolean => draft.value.target === "" && draft.value.webhookUrl === null;

export function editDraft(change: Partial<Draft>): void {
  draft.value = { ...draft.peek(), ...change };
}

export function clearDraft(): void {
  draft.value = EMPTY;
}

function discard(): void {
  owner = null;
  isCreating.value = false;
  clearDraft();
}

onSignOut(({ account: left, isRefused }) => {
  if (isRefused && left !== null) owner = left;
  else discard();
});

/** Drops what another account has left when a new session opens, and keeps the target when the language changes. */
export function startAlertDraft(): void {
  let written = locale.peek();
  effect(() => {
    const now = locale.value;
    if (now === written) return;
    const { target } = draft.peek();
    const rewritten = rewritePrice(target, written, now);
    written = now;
    if (rewritten !== target) editDraft({ target: rewritten });
  });
  effect(() => {
    const id = account.value;
    if (id !== null && owner !== null && id !== owner) discard();
  });
}
