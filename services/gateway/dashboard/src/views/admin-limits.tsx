import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/admin-routes.ts";
import type { LimitOverride, Limits } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { DataTable, type Column } from "../components/data-table.tsx";
import { PlusIcon } from "../components/icons.tsx";
import { Section } from "../components/section.tsx";
import { date, duration, fixed } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { nameOf } from "../i18n/slug.ts";
import { PagedList, useLoaded } from "../lib/resource.ts";
import { showToast } from "../state/toasts.ts";
import { LimitForm } from "./limit-form.tsx";
import { Loaded } from "./loaded.tsx";
import { MoreButton } from "./more-button.tsx";

const count = (value: number): string => fixed(value, 0);
const policyName = (policy: string): string => nameOf(t.value.account.policies, policy);

function limitText(limit: number, windowSeconds: number | null | undefined): string {
  const { limits: texts } = t.value.admin;
  return windowSeconds == null
    ? texts.perMonth(count(limit))
    : texts.perWindow(count(limit), duration(windowSeconds * 1000));
}

/** The limits of everybody, and the exceptions for single users and keys. */
export function LimitSection(): JSX.Element {
  const { limits: texts } = t.value.admin;
  // Each page brings the same policies and further exceptions.
  const limits = useLoaded(() => new PagedList("admin", api.limits));
  const isAdding = useSignal(false);
  const removing = useSignal<LimitOverride | null>(null);
  const pages = limits.items.value;
  const first = pages?.[0];
  const overrides = pages?.flatMap((page) => page.overrides) ?? [];
  const remove = async (override: LimitOverride): Promise<void> => {
    await api.removeLimit(override.id);
    limits.mutate((all) =>
      all.map((page) => ({ ...page, overrides: page.overrides.filter(({ id }) => id !== override.id) })),
    );
    showToast(() => t.value.admin.limits.removed);
  };
  return (
    <>
      <Section
        title={texts.overrides}
        class="limits"
        actions={
          <button type="button" class="button" onClick={() => (isAdding.value = true)}>
            <PlusIcon />
            {texts.add}
          </button>
        }
      >
        <p class="section-lead">{texts.overridesAbout}</p>
        <Loaded
          from={limits}
          label={t.value.admin.loading}
          isEmpty={pages === null ? undefined : overrides.length === 0}
          empty={texts.noOverrides}
        >
          <Overrides overrides={overrides} onRemove={(override) => (removing.value = override)} />
          <MoreButton of={limits} />
        </Loaded>
      </Section>
      {first && <Policies limits={first} />}
      {isAdding.value && (
        <LimitForm
          policies={first?.policies.map(({ policy }) => policy)}
          // One for each subject and policy: a new one replaces an earlier one, so the list is loaded anew.
          onSet={() => void limits.load()}
          onClose={() => (isAdding.value = false)}
        />
      )}
      {removing.value && (
        <RemoveOverride of={removing.value} onConfirm={remove} onClose={() => (removing.value = null)} />
      )}
    </>
  );
}

interface OverridesProps {
  overrides: LimitOverride[];
  onRemove: (override: LimitOverride) => void;
}

function Overrides({ overrides, onRemove }: OverridesProps): JSX.Element {
  const { limits: texts, actions } = t.value.admin;
  const { columns: labels } = texts;
  const idOf = (override: LimitOverride): string => override.user_id ?? override.key_id ?? "";
  const columns: Column<LimitOverride>[] = [
    {
      name: "subject",
      label: labels.subject,
      cell: (override) => (
        <>
          <span class="row-name">{override.user_id == null ? texts.key : texts.user}</span>
          <code class="id">{idOf(override)}</code>
        </>
      ),
    },
    { name: "policy", label: labels.policy, cell: ({ policy }) => policyName(policy) },
    { name: "limit", label: labels.limit, cell: ({ limit, window_seconds }) => limitText(limit, window_seconds) },
    {
      name: "expires",
      label: labels.expires,
      cell: ({ expires_at }) => (expires_at == null ? t.value.account.never : date(expires_at)),
    },
    { name: "created", label: labels.created, cell: ({ created_at }) => date(created_at) },
    {
      name: "actions",
      label: actions,
      cell: (override) => (
        <span class="row-actions">
          <button
            type="button"
            class="button small danger-quiet"
            aria-label={texts.removeOf(policyName(override.policy), idOf(override))}
            onClick={() => onRemove(override)}
          >
            {texts.remove}
          </button>
        </span>
      ),
    },
  ];
  return <DataTable label={texts.overrides} columns={columns} rows={overrides} keyOf={({ id }) => id} />;
}

function Policies({ limits }: { limits: Limits }): JSX.Element {
  const { limits: texts, users } = t.value.admin;
  const { policyColumns: labels } = texts;
  type Policy = Limits["policies"][number];
  const columns: Column<Policy>[] = [
    { name: "policy", label: labels.policy, cell: ({ policy }) => policyName(policy) },
    { name: "limit", label: labels.limit, cell: ({ limit, window_seconds }) => limitText(limit, window_seconds) },
    {
      name: "subject",
      label: labels.subject,
      cell: ({ subject, tier_multiplied }) => {
        const name = nameOf(texts.subjects, subject);
        return tier_multiplied ? texts.timesPlan(name) : name;
      },
    },
  ];
  return (
    <>
      <Section title={texts.policies} class="policies">
        <p class="section-lead">{texts.policiesAbout}</p>
        <DataTable
          label={texts.policies}
          columns={columns}
          rows={limits.policies}
          keyOf={({ policy }) => policy}
          isNarrow
        />
      </Section>
      <Section title={texts.quotas} class="quotas">
        <dl class="facts">
          {limits.quotas.map(({ tier, limit }) => (
            <div key={tier}>
              <dt>{users.tiers[tier]}</dt>
              <dd>{limit == null ? texts.unlimited : count(limit)}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </>
  );
}

interface RemoveProps {
  of: LimitOverride;
  onConfirm: (override: LimitOverride) => Promise<void>;
  onClose: () => void;
}

function RemoveOverride({ of, onConfirm, onClose }: RemoveProps): JSX.Element {
  const { limits: texts } = t.value.admin;
  return (
    <Confirm title={texts.confirmRemove} confirm={texts.remove} onConfirm={() => onConfirm(of)} onClose={onClose}>
      <p>{texts.confirmRemoveAbout(policyName(of.policy))}</p>
    </Confirm>
  );
}
