import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import type { PagedList } from "../lib/resource.ts";

/** Loads the next page of a list, while there is one. */
export function MoreButton<T>({ of }: { of: PagedList<T> }): JSX.Element | null {
  if (!of.hasMore) return null;
  return (
    <button type="button" class="button more" disabled={of.isLoading.value} onClick={() => void of.more()}>
      {t.value.admin.more}
    </button>
  );
}
