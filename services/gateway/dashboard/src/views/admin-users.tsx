import { signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import * as api from "../api/admin-routes.ts";
import type { AdminUser, AdminUserChange, Role, Tier } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { SearchInput } from "../components/search-input.tsx";
import { Section } from "../components/section.tsx";
import { Segmented } from "../components/segmented.tsx";
import { t } from "../i18n/language.ts";
import { useDebounced } from "../lib/debounce.ts";
import { PagedList, useLoaded } from "../lib/resource.ts";
import { showToast } from "../state/toasts.ts";
import { UserKeys } from "./admin-user-keys.tsx";
import { ROLES, TIERS, UserTable } from "./admin-user-table.tsx";
import { LimitForm } from "./limit-form.tsx";
import { Loaded } from "./loaded.tsx";
import { MoreButton } from "./more-button.tsx";

interface Filter {
  search: string;
  role: Role | "";
  tier: Tier | "";
  active: "any" | "true" | "false";
}

const ALL: Filter = { search: "", role: "", tier: "", active: "any" };

function queryOf({ search, role, tier, active }: Filter): api.UserQuery {
  const query: api.UserQuery = {};
  if (search.trim()) query.q = search.trim();
  if (role) query.role = role;
  if (tier) query.tier = tier;
  if (active !== "any") query.is_active = active === "true";
  return query;
}

/** Changes that are asked about first. */
type Asked = { user: AdminUser; role: Role } | { user: AdminUser; deactivate: true };

/** The users, who can be found and changed. */
export function Users(): JSX.Element {
  const { users: texts } = t.value.admin;
  const filter = useMemo(() => signal(ALL), []);
  const users = useLoaded(
    () => new PagedList("admin", (cursor, abort) => api.users(queryOf(filter.peek()), cursor, abort)),
  );
  const asked = useSignal<Asked | null>(null);
  const opened = useSignal<AdminUser | null>(null);
  const limited = useSignal<AdminUser | null>(null);
  const reloadSoon = useDebounced(() => void users.load());

  const narrow = (change: Partial<Filter>): void => {
    filter.value = { ...filter.value, ...change };
    if ("search" in change) reloadSoon();
    else void users.load();
  };
  const change = async (user: AdminUser, wanted: AdminUserChange, said: (name: string) => string): Promise<void> => {
    const changed = await api.changeUser(user.id, wanted);
    users.mutate((all) => all.map((each) => (each.id === changed.id ? changed : each)));
    showToast(() => said(changed.email));
  };
  const texted = (pick: "changed" | "activated" | "deactivated") => (name: string) => t.value.admin.users[pick](name);
  const list = users.items.value;
  const isFiltered = filter.value !== ALL;

  return (
    <Section title={texts.title} class="users">
      <div class="list-tools" role="search" aria-label={texts.title}>
        <SearchInput
          name="user_search"
          label={texts.search}
          placeholder={texts.searchPlaceholder}
          value={filter.value.search}
          onInput={(search) => narrow({ search })}
        />
        <select
          name="role_filter"
          aria-label={texts.role}
          value={filter.value.role}
          onChange={(event) => narrow({ role: event.currentTarget.value as Role | "" })}
        >
          <option value="">{texts.anyRole}</option>
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {texts.roles[role]}
            </option>
          ))}
        </select>
        <select
          name="tier_filter"
          aria-label={texts.tier}
          value={filter.value.tier}
          onChange={(event) => narrow({ tier: event.currentTarget.value as Tier | "" })}
        >
          <option value="">{texts.anyTier}</option>
          {TIERS.map((tier) => (
            <option key={tier} value={tier}>
              {texts.tiers[tier]}
            </option>
          ))}
        </select>
        <Segmented
          label={texts.active}
          options={(["any", "true", "false"] as const).map((value) => ({ value, label: texts.states[value] }))}
          value={filter.value.active}
          onChange={(active) => narrow({ active })}
        />
      </div>
      <Loaded
        from={users}
        label={t.value.admin.loading}
        isEmpty={list === null ? undefined : list.length === 0}
        empty={
          <>
            {texts.noMatch}{" "}
            {isFiltered && (
              <button type="button" class="link" onClick={() => narrow(ALL)}>
                {t.value.alerts.showAll}
              </button>
            )}
          </>
        }
      >
        <UserTable
          users={list ?? []}
          onRole={(user, role) => (asked.value = { user, role })}
          onTier={(user, tier) => change(user, { tier }, texted("changed"))}
          onActivate={(user) => change(user, { is_active: true }, texted("activated"))}
          onDeactivate={(user) => (asked.value = { user, deactivate: true })}
          onOpen={(user) => (opened.value = user)}
        />
        <MoreButton of={users} />
      </Loaded>
      {asked.value && (
        <ConfirmChange
          asked={asked.value}
          onRole={(user, role) => change(user, { role }, texted("changed"))}
          onDeactivate={(user) => change(user, { is_active: false }, texted("deactivated"))}
          onClose={() => (asked.value = null)}
        />
      )}
      {opened.value && (
        <UserKeys
          user={opened.value}
          onRevoked={(user) =>
            users.mutate((all) => all.map((each) => (each.id === user.id ? { ...each, keys: each.keys - 1 } : each)))
          }
          onLimit={(user) => {
            opened.value = null;
            limited.value = user;
          }}
          onClose={() => (opened.value = null)}
        />
      )}
      {limited.value && (
        <LimitForm userId={limited.value.id} onSet={() => undefined} onClose={() => (limited.value = null)} />
      )}
    </Section>
  );
}

interface ConfirmProps {
  asked: Asked;
  onRole: (user: AdminUser, role: Role) => Promise<void>;
  onDeactivate: (user: AdminUser) => Promise<void>;
  onClose: () => void;
}

function ConfirmChange({ asked, onRole, onDeactivate, onClose }: ConfirmProps): JSX.Element {
  const { users: texts } = t.value.admin;
  const { user } = asked;
  if ("deactivate" in asked)
    return (
      <Confirm
        title={texts.confirmDeactivate}
        confirm={texts.deactivate}
        onConfirm={() => onDeactivate(user)}
        onClose={onClose}
      >
        <p>{texts.confirmDeactivateAbout(user.email)}</p>
      </Confirm>
    );
  const { role } = asked;
  return (
    <Confirm
      title={texts.confirmRole(texts.roles[role])}
      confirm={texts.changeRole}
      isDangerous={role === "admin"}
      onConfirm={() => onRole(user, role)}
      onClose={onClose}
    >
      <p>{texts.confirmRoleAbout(user.email, texts.roles[user.role], texts.roles[role])}</p>
      {role === "admin" && <p>{texts.confirmAdmin}</p>}
    </Confirm>
  );
}
