import type { Alert } from "../api/types.ts";
import { condition } from "./condition.ts";
import { language, type Language } from "./language.ts";

/** Made once for each language: a search goes through all alerts at every keystroke. */
const texts = new Map<Language, WeakMap<object, string>>();

/** What an alert is searched in, in lower case: as it is shown, and its target as it is typed. */
export function searchText(
  alert: Pick<Alert, "ticker" | "condition" | "target_price" | "webhook_url">,
  assetName: string,
): string {
  const ofLanguage = texts.get(language.value) ?? new WeakMap<object, string>();
  texts.set(language.value, ofLanguage);
  const text =
    ofLanguage.get(alert) ??
    [condition(alert), assetName, alert.target_price, alert.webhook_url].join(" ").toLowerCase();
  ofLanguage.set(alert, text);
  return text;
}
