import type { JSX } from "preact";
import { BellIcon, ChartIcon, ListIcon } from "../components/icons.tsx";
import { t } from "../i18n/language.ts";
import { showView, tab, ticker, view, type Tab } from "../state/selection.ts";

/** Navigation between the parts of the page on narrow screens. */
export function TabBar(): JSX.Element {
  const { page } = t.value;
  const tabs: { value: Tab; label: string; icon: JSX.Element }[] = [
    { value: "markets", label: page.markets, icon: <ListIcon /> },
    { value: "asset", label: ticker.value ?? page.asset, icon: <ChartIcon /> },
    { value: "alerts", label: page.alerts, icon: <BellIcon /> },
  ];
  return (
    <nav class="tab-bar" aria-label={page.parts}>
      {tabs.map(({ value, label, icon }) => (
        <button
          key={value}
          type="button"
          aria-current={view.value === "markets" && tab.value === value ? "page" : undefined}
          onClick={() => {
            tab.value = value;
            showView("markets");
          }}
        >
          {icon}
          {label}
        </button>
      ))}
    </nav>
  );
}
