import { render } from "preact";
import "./styles/index.css";
import { App } from "./app.tsx";
import { watchVisibility } from "./lib/visibility.ts";
import { syncUrl } from "./state/address.ts";
import { startAlerts } from "./state/alerts.ts";
import { startAsset } from "./state/asset.ts";
import { startCompare } from "./state/compare.ts";
import { startFavourites } from "./state/favourites.ts";
import { startMarket } from "./state/market.ts";
import { startOutcomes } from "./state/outcomes.ts";
import { restoreSession } from "./state/session.ts";
import { startTabs } from "./state/tabs.ts";
import { startTheme } from "./state/theme.ts";

watchVisibility();
startTheme();
syncUrl();
restoreSession();
startTabs();
startMarket();
startAsset();
startCompare();
startFavourites();
startAlerts();
startOutcomes();

const root = document.getElementById("app");
if (root) render(<App />, root);
