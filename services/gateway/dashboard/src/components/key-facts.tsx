/** Cells of a table of keys. */
import type { JSX } from "preact";
import type { ApiKey } from "../api/types.ts";
import { date, duration } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";

/** The name, with the beginning of the key, which is not secret. */
export function KeyName({ of, note }: { of: ApiKey; note?: string | undefined }): JSX.Element {
  return (
    <>
      <span class="row-name">
        <strong>{of.name}</strong>
        {note && <span class="badge">{note}</span>}
      </span>
      <code class="prefix">{`${of.prefix}…`}</code>
    </>
  );
}

export function KeyScopes({ of }: { of: ApiKey }): JSX.Element {
  if (of.scopes == null) return <>{t.value.account.keys.everything}</>;
  return (
    <span class="codes">
      {of.scopes.map((scope) => (
        <code key={scope} title={t.value.account.scopes[scope]}>
          {scope}
        </code>
      ))}
    </span>
  );
}

export function KeyAddresses({ of }: { of: ApiKey }): JSX.Element {
  if (of.ip_allow.length === 0) return <>{t.value.account.keys.everywhere}</>;
  return (
    <span class="codes">
      {of.ip_allow.map((network) => (
        <code key={network}>{network}</code>
      ))}
    </span>
  );
}

export function KeyUsed({ of, now }: { of: ApiKey; now: number }): JSX.Element {
  const { account, ago } = t.value;
  return <>{of.last_used_at == null ? account.never : ago(duration(now - Date.parse(of.last_used_at)))}</>;
}

export function KeyExpires({ of, now }: { of: ApiKey; now: number }): JSX.Element {
  const { account } = t.value;
  if (of.expires_at == null) return <>{account.never}</>;
  const isOver = Date.parse(of.expires_at) <= now;
  const isSoon = Date.parse(of.expires_at) - now < 7 * 86_400_000;
  return (
    <span class={isOver || isSoon ? "warn" : ""}>
      {isOver ? account.keys.expired(date(of.expires_at)) : date(of.expires_at)}
    </span>
  );
}
