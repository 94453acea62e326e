import { MINUS } from "./format.ts";

/** In one language, so that the offset can be read; its zone is that of all other times on the page. */
const FORMAT = new Intl.DateTimeFormat("en-US", { timeZoneName: "shortOffset" });

/** The reader's time zone and its distance from UTC at that time: "Europe/Berlin, UTC+1". */
export function timeZone(time: number, format = FORMAT): string {
  const name = format.resolvedOptions().timeZone;
  const offset = format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const fromUtc = offset
    .replace(/^GMT/, "UTC")
    .replace(/[+-]0$/, "")
    .replace("-", MINUS);
  return /^(Etc\/)?(UTC|GMT|UCT|Zulu)$/.test(name) ? fromUtc : `${name}, ${fromUtc}`;
}
