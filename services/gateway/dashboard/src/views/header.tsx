import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ChevronIcon, Logo, PersonIcon } from "../components/icons.tsx";
import { duration } from "../i18n/format.ts";
import { t } from "../i18n/language.ts";
import { connection, dataAge, simulated } from "../state/market.ts";
import { showView, view, type View } from "../state/selection.ts";
import { signOut, user } from "../state/session.ts";
import { Preferences } from "./preferences.tsx";

export function Header(): JSX.Element {
  const { appName, header } = t.value;
  return (
    <header class="top">
      <div class="brand">
        <Logo />
        <h1>{appName}</h1>
      </div>
      {simulated.value && (
        <span class="badge" title={header.simulatedAbout}>
          {header.simulated}
          <span class="wide-text"> {header.market}</span>
        </span>
      )}
      <div class="spacer" />
      <ConnectionState />
      <AccountMenu />
    </header>
  );
}

function ConnectionState(): JSX.Element {
  const state = connection.value;
  const age = dataAge.value;
  return (
    <div class={`connection ${state}`} data-state={state}>
      <span class="dot" aria-hidden="true" />
      <span role="status" class="state">
        {t.value.header.connection[state]}
      </span>
      {age !== null && <span class="age"> · {t.value.ago(duration(age))}</span>}
    </div>
  );
}

/** A disclosure: opens on click, closes on Escape, on a click elsewhere and when the focus leaves. */
function AccountMenu(): JSX.Element {
  const { header } = t.value;
  const ref = useRef<HTMLDetailsElement>(null);
  const close = (): void => void (ref.current && (ref.current.open = false));
  useEffect(() => {
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !ref.current?.contains(event.target)) close();
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const links: [value: View, label: string][] = [["account", header.accountAndKeys]];
  if (user.value?.role === "admin") links.push(["admin", header.administration]);
  return (
    <details
      class="menu"
      ref={ref}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        close();
        ref.current?.querySelector("summary")?.focus();
      }}
      onFocusOut={(event) => {
        if (event.relatedTarget instanceof Node && !ref.current?.contains(event.relatedTarget)) close();
      }}
    >
      <summary>
        <PersonIcon />
        <span class="visually-hidden">{header.account} </span>
        <span class="account-name">{user.value?.email ?? header.account}</span>
        <ChevronIcon />
      </summary>
      <div class="menu-body">
        {user.value && (
          <p>
            <strong>{user.value.email}</strong>
            <span>
              {header.roles[user.value.role]}, {header.tiers[user.value.tier]}
            </span>
          </p>
        )}
        <Preferences />
        {links.map(([value, label]) => (
          <button
            key={value}
            type="button"
            aria-current={view.value === value ? "page" : undefined}
            onClick={() => {
              close();
              showView(value);
            }}
          >
            {label}
          </button>
        ))}
        <a href="/docs" target="_blank" rel="noopener">
          {header.documentation}
        </a>
        <button type="button" onClick={() => signOut()}>
          {header.logOut}
        </button>
      </div>
    </details>
  );
}
