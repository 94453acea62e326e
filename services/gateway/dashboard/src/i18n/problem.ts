/** Errors of the API in words. */
import type { ApiError } from "../api/errors.ts";
import type { Violation } from "../api/types.ts";
import { t } from "./language.ts";
import { isServerLanguage, orServerText, type ServerText } from "./server-text.ts";

interface Words {
  what: string;
  remedy: string;
}

const wordsOf = ({ type }: ApiError): Words | undefined => (t.value.problems.byType as Record<string, Words>)[type];

/** What went wrong. In its own language the server is more precise: it knows the limit that is reached, for example. */
export function problemText(error: ApiError): ServerText {
  const { detail, status } = error;
  const own = wordsOf(error)?.what;
  if (detail === null) return orServerText(own ?? t.value.problems.status(status), "");
  return orServerText(isServerLanguage() ? undefined : own, detail);
}

/** The same for a place that can hold one language only, such as a tooltip. */
export function problemSummary(error: ApiError): string {
  const { text, lang } = problemText(error);
  return lang === undefined ? text : t.value.problems.status(error.status);
}

/** What to do about it. The server's own words are meant for programmers. */
export function problemRemedy(error: ApiError): ServerText | null {
  const own = wordsOf(error)?.remedy;
  return own === undefined && error.remediation === null ? null : orServerText(own, error.remediation ?? "");
}

/** A rule that what was entered breaks. */
export function violationText({ type, msg }: Violation): ServerText {
  return orServerText((t.value.problems.violations as Record<string, string>)[type], sentence(msg));
}

function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
