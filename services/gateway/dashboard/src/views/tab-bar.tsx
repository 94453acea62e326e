import type { JSX } from "preact";
import { BellIcon, ChartIcon, ListIcon } from "../components/icons.tsx";
import { tab, ticker, type Tab } from "../state/selection.ts";

/** Navigation between the parts of the page on narrow screens. */
export function TabBar(): JSX.Element {
  const tabs: { value: Tab; label: string; icon: JSX.Element }[] = [
    { value: "markets", label: "Markets", icon: <ListIcon /> },
    { value: "asset", label: ticker.value ?? "Asset", icon: <ChartIcon /> },
    { value: "alerts", label: "Alerts", icon: <BellIcon /> },
  ];
  return (
    <nav class="tab-bar" aria-label="Parts">
      {tabs.map(({ value, label, icon }) => (
        <button
          key={value}
          type="button"
          aria-current={tab.value === value ? "page" : undefined}
          onClick={() => {
            tab.value = value;
            scrollTo({ top: 0 });
          }}
        >
          {icon}
          {label}
        </button>
      ))}
    </nav>
  );
}
