import type { JSX } from "preact";
import { ServerWords } from "../components/server-words.tsx";
import { t } from "../i18n/language.ts";
import { problemText } from "../i18n/problem.ts";
import { isCreating } from "../state/alert-draft.ts";
import { alerts } from "../state/alerts.ts";
import { connection, quotes } from "../state/market.ts";
import { openAlertId, tab, view } from "../state/selection.ts";
import { Account } from "./account.tsx";
import { Admin } from "./admin.tsx";
import { AlertDrawer } from "./alert-drawer.tsx";
import { AlertForm } from "./alert-form.tsx";
import { Alerts } from "./alerts.tsx";
import { AssetHead } from "./asset-head.tsx";
import { Charts } from "./charts.tsx";
import { Compare } from "./compare.tsx";
import { CorrelationMap } from "./correlation.tsx";
import { Failures } from "./failures.tsx";
import { Header } from "./header.tsx";
import { Kpis } from "./kpis.tsx";
import { RiskOverview } from "./risk-overview.tsx";
import { Risk } from "./risk.tsx";
import { TabBar } from "./tab-bar.tsx";
import { WatchList } from "./watch-list.tsx";

export function Dashboard(): JSX.Element {
  return (
    <div class="app" data-tab={tab.value} data-view={view.value}>
      <a class="skip-link" href="#main" onClick={skip}>
        {t.value.page.skip}
      </a>
      <Header />
      <Outage />
      <Failures />
      {view.value === "markets" ? <Markets /> : view.value === "account" ? <Account /> : <Admin />}
      <TabBar />
      {isCreating.value && <AlertForm />}
      {openAlertId.value !== null && alerts.data.value !== null && <AlertDrawer />}
    </div>
  );
}

function Markets(): JSX.Element {
  return (
    /* With the watch list, which is all that a narrow screen shows at first. */
    <main class="columns">
      <WatchList />
      <div id="main" class="content" tabIndex={-1}>
        <div class="asset-part">
          <AssetHead />
          <Kpis />
          <Charts />
          <Compare />
          <div class="two-columns">
            <Risk />
            <CorrelationMap />
          </div>
          <RiskOverview />
        </div>
        <Alerts />
      </div>
    </main>
  );
}

/** The URL's fragment holds the selection, so the skip link cannot be a plain anchor. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The banner while the gateway does not respond. */
function Outage(): JSX.Element | null {
  const { actions, page } = t.value;
  const error = quotes.error.value;
  if (connection.value !== "reconnecting" || !error) return null;
  return (
    <div class="outage" role="status">
      <p>
        <ServerWords {...problemText(error)} /> {quotes.data.value ? page.lastKnown : ""} {page.retriesItself}
      </p>
      <button type="button" class="link" onClick={() => quotes.refresh()}>
        {actions.tryNow}
      </button>
    </div>
  );
}
