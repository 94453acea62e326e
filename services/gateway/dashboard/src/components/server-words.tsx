import type { JSX } from "preact";
import type { ServerText } from "../i18n/server-text.ts";

/** Words that may be the server's, whose language screen readers have to know. */
export function ServerWords({ text, lang }: ServerText): JSX.Element {
  return lang === undefined ? <>{text}</> : <span lang={lang}>{text}</span>;
}
