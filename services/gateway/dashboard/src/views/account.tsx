import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { user } from "../state/session.ts";
import { Keys } from "./keys.tsx";
import { Security } from "./security.tsx";
import { TimeZone } from "./time-zone.tsx";
import { Usage } from "./usage.tsx";
import { ViewHead } from "./view-head.tsx";

/** One's own account: its keys, what it has used, its password and sessions. */
export function Account(): JSX.Element {
  const { account: texts, header } = t.value;
  const owner = user.value;
  return (
    <main id="main" class="view" tabIndex={-1}>
      <ViewHead
        title={texts.title}
        note={owner && `${owner.email} · ${texts.about(header.roles[owner.role], header.tiers[owner.tier])}`}
      />
      <Keys />
      <Usage />
      <Security />
      <TimeZone />
    </main>
  );
}
