import { t } from "./language.ts";

/** The name of something that the server calls by a slug. Not all slugs need be known: the server may be newer. */
export function nameOf(names: Readonly<Record<string, string>>, slug: string): string {
  return names[slug] ?? t.value.slug(slug);
}
