import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import * as api from "../api/admin-routes.ts";
import type { AdminKey, AdminUser } from "../api/types.ts";
import { Confirm } from "../components/confirm.tsx";
import { Dialog } from "../components/dialog.tsx";
import { KeyAddresses, KeyExpires, KeyName, KeyScopes, KeyUsed } from "../components/key-facts.tsx";
import { date } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { PagedList, useLoaded } from "../lib/resource.ts";
import { now } from "../lib/visibility.ts";
import { showToast } from "../state/toasts.ts";
import { Loaded } from "./loaded.tsx";
import { MoreButton } from "./more-button.tsx";

interface Props {
  user: AdminUser;
  onRevoked: (user: AdminUser) => void;
  onLimit: (user: AdminUser) => void;
  onClose: () => void;
}

/** The keys of one user, each of which can be revoked. */
export function UserKeys({ user, onRevoked, onLimit, onClose }: Props): JSX.Element {
  const { users: texts } = t.value.admin;
  const { keys: keyTexts } = t.value.account;
  const keys = useLoaded(() => new PagedList("admin", (cursor, abort) => api.keysOf(user.id, cursor, abort)));
  const revoking = useSignal<AdminKey | null>(null);
  const list = keys.items.value;
  const revoke = async (key: AdminKey): Promise<void> => {
    await api.revokeKey(key.id);
    keys.mutate((all) => all.filter(({ id }) => id !== key.id));
    onRevoked(user);
    showToast(() => t.value.account.keys.revoked(key.name));
  };
  return (
    <Dialog side title={texts.keysOf(user.email)} onClose={onClose}>
      <dl class="facts">
        <div>
          <dt>{texts.id}</dt>
          <dd>
            <code class="id">{user.id}</code>
          </dd>
        </div>
        <div>
          <dt>{texts.password}</dt>
          <dd>{user.has_password ? texts.hasPassword : texts.hasNoPassword}</dd>
        </div>
      </dl>
      <div class="row user-tools">
        <button type="button" class="button small" onClick={() => onLimit(user)}>
          {texts.setLimit}
        </button>
      </div>
      <Loaded
        from={keys}
        label={keyTexts.loading}
        isEmpty={list === null ? undefined : list.length === 0}
        empty={texts.noKeys}
      >
        <ul class="key-cards">
          {list?.map((key) => (
            <li key={key.id} data-row={key.id}>
              <KeyCard of={key} onRevoke={() => (revoking.value = key)} />
            </li>
          ))}
        </ul>
        <MoreButton of={keys} />
      </Loaded>
      {revoking.value && <RevokeKey of={revoking.value} onConfirm={revoke} onClose={() => (revoking.value = null)} />}
    </Dialog>
  );
}

function KeyCard({ of, onRevoke }: { of: AdminKey; onRevoke: () => void }): JSX.Element {
  const { keys: texts } = t.value.account;
  const { columns } = texts;
  const facts: [label: string, value: JSX.Element | string][] = [
    [t.value.admin.limits.form.ids.key, <code class="id">{of.id}</code>],
    [columns.scopes, <KeyScopes of={of} />],
    [columns.addresses, <KeyAddresses of={of} />],
    [columns.created, date(of.created_at)],
    [columns.used, <KeyUsed of={of} now={now.value} />],
    [columns.expires, <KeyExpires of={of} now={now.value} />],
  ];
  return (
    <>
      <div class="key-card-head">
        <div>
          <KeyName of={of} />
        </div>
        <button type="button" class="button small danger-quiet" aria-label={texts.revokeOf(of.name)} onClick={onRevoke}>
          {texts.revoke}
        </button>
      </div>
      <dl class="facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

interface RevokeProps {
  of: AdminKey;
  onConfirm: (key: AdminKey) => Promise<void>;
  onClose: () => void;
}

function RevokeKey({ of, onConfirm, onClose }: RevokeProps): JSX.Element {
  const { keys: texts } = t.value.account;
  return (
    <Confirm
      title={texts.confirmRevoke}
      confirm={texts.revoke}
      keep={texts.keep}
      onConfirm={() => onConfirm(of)}
      onClose={onClose}
    >
      <p>{texts.confirmRevokeAbout(of.name)}</p>
    </Confirm>
  );
}
