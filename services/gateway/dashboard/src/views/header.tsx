import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ChevronIcon, Logo, PersonIcon } from "../components/icons.tsx";
import { ThemeSelect } from "../components/theme-select.tsx";
import { duration } from "../lib/format.ts";
import { connection, dataAge, simulated, type Connection } from "../state/market.ts";
import { signOut, user } from "../state/session.ts";
import { chooseTheme, themeChoice } from "../state/theme.ts";

const WORDS: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Live",
  stale: "Stale",
  reconnecting: "Reconnecting",
};

export function Header(): JSX.Element {
  return (
    <header class="top">
      <div class="brand">
        <Logo />
        <h1>CryptoLens</h1>
      </div>
      {simulated.value && (
        <span class="badge" title="Prices come from a simulated market, not from real venues.">
          Simulated<span class="wide-text"> market</span>
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
        {WORDS[state]}
      </span>
      {age !== null && <span class="age"> · {duration(age)} ago</span>}
    </div>
  );
}

/** A disclosure: opens on click, closes on Escape, on a click elsewhere and when the focus leaves. */
function AccountMenu(): JSX.Element {
  const ref = useRef<HTMLDetailsElement>(null);
  const close = (): void => void (ref.current && (ref.current.open = false));
  useEffect(() => {
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !ref.current?.contains(event.target)) close();
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
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
        <span class="visually-hidden">Account </span>
        <span class="account-name">{user.value?.email ?? "Account"}</span>
        <ChevronIcon />
      </summary>
      <div class="menu-body">
        {user.value && (
          <p>
            <strong>{user.value.email}</strong>
            <span>
              {user.value.role}, {user.value.tier} plan
            </span>
          </p>
        )}
        <ThemeSelect choice={themeChoice.value} onChoose={chooseTheme} />
        <a href="/docs" target="_blank" rel="noopener">
          API documentation
        </a>
        <button type="button" onClick={() => signOut()}>
          Log out
        </button>
      </div>
    </details>
  );
}
