import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/account-routes.ts";
import type { ApiKey } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { DataTable, type Column } from "../components/data-table.tsx";
import { PlusIcon } from "../components/icons.tsx";
import { KeyAddresses, KeyExpires, KeyName, KeyScopes, KeyUsed } from "../components/key-facts.tsx";
import { Section } from "../components/section.tsx";
import { date, duration } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { Resource, useLoaded } from "../lib/resource.ts";
import { now } from "../lib/visibility.ts";
import { credential, signOut } from "../state/session.ts";
import { showToast } from "../state/toasts.ts";
import { KeyFormDialog } from "./key-form.tsx";
import { Loaded } from "./loaded.tsx";
import { RotateKey } from "./rotate-key.tsx";

/** Whether the page itself uses this key. */
const isOwn = (key: ApiKey): boolean => credential.value?.kind === "key" && credential.value.key.startsWith(key.prefix);

/** The account's API keys. */
export function Keys(): JSX.Element {
  const { keys: texts } = t.value.account;
  const keys = useLoaded(() => new Resource("me", api.keys));
  const open = useSignal<"create" | { rotate: ApiKey } | { revoke: ApiKey } | null>(null);
  const close = (): void => void (open.value = null);
  const list = keys.data.value;

  const revoke = async (key: ApiKey): Promise<void> => {
    const own = isOwn(key);
    await api.revokeKey(key.id);
    if (own) return signOut();
    keys.mutate((all) => all.filter(({ id }) => id !== key.id));
    showToast(() => t.value.account.keys.revoked(key.name));
  };

  return (
    <Section
      title={texts.title}
      class="keys"
      note={list && list.length > 0 && texts.count(list.length)}
      actions={
        <button type="button" class="button" onClick={() => (open.value = "create")}>
          <PlusIcon />
          {texts.create}
        </button>
      }
    >
      <p class="section-lead">{texts.lead}</p>
      <Loaded from={keys} label={texts.loading} isEmpty={list?.length === 0} empty={texts.empty}>
        <KeyTable
          keys={list ?? []}
          onRotate={(key) => (open.value = { rotate: key })}
          onRevoke={(key) => (open.value = { revoke: key })}
        />
      </Loaded>
      {open.value === "create" && (
        <KeyFormDialog onCreated={(key) => keys.mutate((all) => [key, ...all])} onClose={close} />
      )}
      {open.value !== null && open.value !== "create" && "rotate" in open.value && (
        <RotateKey
          of={open.value.rotate}
          isOwn={isOwn(open.value.rotate)}
          onRotated={() => void keys.load()}
          onClose={close}
        />
      )}
      {open.value !== null && open.value !== "create" && "revoke" in open.value && (
        <RevokeKey of={open.value.revoke} onConfirm={revoke} onClose={close} />
      )}
    </Section>
  );
}

interface TableProps {
  keys: ApiKey[];
  onRotate: (key: ApiKey) => void;
  onRevoke: (key: ApiKey) => void;
}

function KeyTable({ keys, onRotate, onRevoke }: TableProps): JSX.Element {
  const { keys: texts } = t.value.account;
  const { columns: labels } = texts;
  const columns: Column<ApiKey>[] = [
    { name: "name", label: labels.name, cell: (key) => <KeyName of={key} note={isOwn(key) ? texts.own : undefined} /> },
    { name: "scopes", label: labels.scopes, cell: (key) => <KeyScopes of={key} /> },
    { name: "addresses", label: labels.addresses, cell: (key) => <KeyAddresses of={key} /> },
    { name: "created", label: labels.created, cell: (key) => date(key.created_at) },
    { name: "used", label: labels.used, cell: (key) => <KeyUsed of={key} now={now.value} /> },
    { name: "expires", label: labels.expires, cell: (key) => <KeyExpires of={key} now={now.value} /> },
    {
      name: "actions",
      label: labels.actions,
      cell: (key) => (
        <span class="row-actions">
          <button
            type="button"
            class="button small"
            aria-label={texts.rotateOf(key.name)}
            onClick={() => onRotate(key)}
          >
            {texts.rotate}
          </button>
          <button
            type="button"
            class="button small danger-quiet"
            aria-label={texts.revokeOf(key.name)}
            onClick={() => onRevoke(key)}
          >
            {texts.revoke}
          </button>
        </span>
      ),
    },
  ];
  return <DataTable label={texts.title} columns={columns} rows={keys} keyOf={({ id }) => id} />;
}

interface RevokeProps {
  of: ApiKey;
  onConfirm: (key: ApiKey) => Promise<void>;
  onClose: () => void;
}

function RevokeKey({ of, onConfirm, onClose }: RevokeProps): JSX.Element {
  const { ago } = t.value;
  const { keys: texts } = t.value.account;
  const used =
    of.last_used_at == null
      ? texts.confirmRevokeUnused
      : texts.confirmRevokeUsed(ago(duration(now.value - Date.parse(of.last_used_at))));
  return (
    <Confirm
      title={texts.confirmRevoke}
      confirm={texts.revoke}
      keep={texts.keep}
      onConfirm={() => onConfirm(of)}
      onClose={onClose}
    >
      <p>
        {texts.confirmRevokeAbout(of.name)} {isOwn(of) ? texts.confirmRevokeOwn : used}
      </p>
    </Confirm>
  );
}
