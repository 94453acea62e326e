/** The server speaks one language, whatever that of the page is. */
import { language } from "./language.ts";

export const SERVER_LANGUAGE = "en";

export const isServerLanguage = (): boolean => language.value === SERVER_LANGUAGE;

export interface ServerText {
  text: string;
  /** Its language, where that is not the page's. */
  lang: string | undefined;
}

/** Words of the page where it has some, otherwise the server's. */
export function orServerText(own: string | undefined, server: string): ServerText {
  if (own !== undefined) return { text: own, lang: undefined };
  return { text: server, lang: isServerLanguage() ? undefined : SERVER_LANGUAGE };
}
