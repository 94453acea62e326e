import type { JSX } from "preact";
import { t } from "../i18n/language.ts";
import { ADMIN_SECTIONS, adminSection, type AdminSection } from "../state/selection.ts";
import { user } from "../state/session.ts";
import { Audit } from "./admin-audit.tsx";
import { Blocks } from "./admin-blocks.tsx";
import { LimitSection } from "./admin-limits.tsx";
import { Users } from "./admin-users.tsx";
import { TimeZone } from "./time-zone.tsx";
import { ViewHead } from "./view-head.tsx";

const PARTS: Record<AdminSection, () => JSX.Element> = {
  users: () => <Users />,
  limits: () => <LimitSection />,
  blocks: () => <Blocks />,
  audit: () => <Audit />,
};

/** What administrators see and change. The gateway refuses everybody else, whatever the page shows. */
export function Admin(): JSX.Element {
  const { admin } = t.value;
  const role = user.value?.role;
  return (
    <main id="main" class="view" tabIndex={-1}>
      <ViewHead title={admin.title} />
      {role === undefined ? (
        <div class="skeleton block" role="progressbar" aria-label={admin.loading} />
      ) : role !== "admin" ? (
        <p class="empty">{admin.notPermitted}</p>
      ) : (
        <>
          <nav class="view-nav" aria-label={admin.parts}>
            {ADMIN_SECTIONS.map((section) => (
              <button
                key={section}
                type="button"
                aria-current={adminSection.value === section ? "page" : undefined}
                onClick={() => (adminSection.value = section)}
              >
                {admin.sections[section]}
              </button>
            ))}
          </nav>
          {PARTS[adminSection.value]()}
          <TimeZone />
        </>
      )}
    </main>
  );
}
