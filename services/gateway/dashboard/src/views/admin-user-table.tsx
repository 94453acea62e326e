import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { AdminUser, Role, Tier } from "../api/types.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Problem } from "../components/problem.tsx";
import { date, fixed } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { useAction } from "../lib/use-action.ts";
import { user as self } from "../state/session.ts";

export const ROLES: readonly Role[] = ["reader", "analyst", "admin"];
export const TIERS: readonly Tier[] = ["basic", "hobbyist", "startup", "standard", "professional", "enterprise"];

interface Props {
  users: AdminUser[];
  onRole: (user: AdminUser, role: Role) => void;
  onTier: (user: AdminUser, tier: Tier) => Promise<void>;
  onActivate: (user: AdminUser) => Promise<void>;
  onDeactivate: (user: AdminUser) => void;
  onOpen: (user: AdminUser) => void;
}

/** Users with what can be changed in place. One's own role and state are not among it: nobody locks themselves out. */
export function UserTable({ users, onRole, onTier, onActivate, onDeactivate, onOpen }: Props): JSX.Element {
  const { users: texts } = t.value.admin;
  const { columns: labels } = texts;
  const action = useAction();
  const failedAt = useSignal<string | null>(null);
  const run = (user: AdminUser, work: () => Promise<void>): void => {
    failedAt.value = user.id;
    void action.run(work);
  };
  const isSelf = (user: AdminUser): boolean => user.id === self.value?.id;
  const columns: Column<AdminUser>[] = [
    {
      name: "user",
      label: labels.user,
      cell: (user) => (
        <>
          <span class="row-name">
            <strong>{user.username ?? user.email}</strong>
            {isSelf(user) && <span class="badge">{texts.you}</span>}
          </span>
          {user.username != null && user.username !== user.email && <span class="row-note">{user.email}</span>}
          {failedAt.value === user.id && action.error.value && <Problem error={action.error.value} />}
        </>
      ),
    },
    {
      name: "role",
      label: labels.role,
      cell: (user) => (
        <select
          name="role"
          aria-label={texts.roleOf(user.email)}
          value={user.role}
          disabled={isSelf(user) || action.isBusy.value}
          onChange={(event) => {
            const wanted = event.currentTarget.value as Role;
            // What is shown follows from the user, and that has not changed yet.
            event.currentTarget.value = user.role;
            onRole(user, wanted);
          }}
        >
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {texts.roles[role]}
            </option>
          ))}
        </select>
      ),
    },
    {
      name: "tier",
      label: labels.tier,
      cell: (user) => (
        <select
          name="tier"
          aria-label={texts.tierOf(user.email)}
          value={user.tier}
          disabled={action.isBusy.value}
          onChange={(event) => {
            const wanted = event.currentTarget.value as Tier;
            event.currentTarget.value = user.tier;
            run(user, () => onTier(user, wanted));
          }}
        >
          {TIERS.map((tier) => (
            <option key={tier} value={tier}>
              {texts.tiers[tier]}
            </option>
          ))}
        </select>
      ),
    },
    {
      name: "keys",
      label: labels.keys,
      cell: (user) => (
        <button type="button" class="link" onClick={() => onOpen(user)}>
          <span class="visually-hidden">{texts.keysOf(user.email)}: </span>
          {fixed(user.keys, 0)}
        </button>
      ),
    },
    { name: "created", label: labels.created, cell: (user) => date(user.created_at) },
    {
      name: "active",
      label: labels.active,
      cell: (user) => (
        <span class={`state-tag ${user.is_active ? "delivered fired" : "off"}`}>
          {user.is_active ? texts.isActive : texts.isInactive}
        </span>
      ),
    },
    {
      name: "actions",
      label: t.value.admin.actions,
      cell: (user) =>
        isSelf(user) ? null : (
          <span class="row-actions">
            {user.is_active ? (
              <button
                type="button"
                class="button small danger-quiet"
                aria-label={texts.deactivateOf(user.email)}
                onClick={() => onDeactivate(user)}
              >
                {texts.deactivate}
              </button>
            ) : (
              <button
                type="button"
                class="button small"
                aria-label={texts.activateOf(user.email)}
                disabled={action.isBusy.value}
                onClick={() => run(user, () => onActivate(user))}
              >
                {texts.activate}
              </button>
            )}
          </span>
        ),
    },
  ];
  return <DataTable label={texts.title} columns={columns} rows={users} keyOf={({ id }) => id} />;
}
