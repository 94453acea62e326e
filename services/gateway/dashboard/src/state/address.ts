import { batch, effect, signal, untracked } from "@preact/signals";
import { formatAddress, parseAddress, type Address } from "../lib/address.ts";
import {
  ADMIN_SECTIONS,
  adminSection,
  openAlertId,
  range,
  RANGES,
  tab,
  ticker,
  view,
  VIEWS,
  type Range,
  type Tab,
} from "./selection.ts";
import { onSignOut } from "./session.ts";

/** Choices that follow each other this fast, such as by a held arrow key, are one step of Back. */
const ONE_STEP_MS = 1_000;

const TABS: readonly string[] = ["markets", "asset", "alerts"] satisfies Tab[];

/** Whether the page shows one part at a time (see `narrow.css`). Only then the part is in the address. */
const isNarrow = signal(false);

/** What can be open besides the asset: how it is read from an address and what is written into one. */
const PARAMETERS: Record<string, { read: (value: string | null) => void; write: () => string | null }> = {
  alert: {
    read: (id) => (openAlertId.value = id || null),
    write: () => openAlertId.value,
  },
  tab: {
    read: (name) => {
      if (isNarrow.value) tab.value = name !== null && TABS.includes(name) ? (name as Tab) : "markets";
    },
    write: () => (isNarrow.value && tab.value !== "markets" ? tab.value : null),
  },
  view: {
    read: (name) => (view.value = VIEWS.find((each) => each === name) ?? "markets"),
    write: () => (view.value === "markets" ? null : view.value),
  },
  section: {
    read: (name) => (adminSection.value = ADMIN_SECTIONS.find((each) => each === name) ?? "users"),
    write: () => (view.value === "admin" && adminSection.value !== "users" ? adminSection.value : null),
  },
};

onSignOut(() => history.replaceState(null, "", location.pathname + location.search));

function read(): void {
  const { asset, range: name, parameters } = parseAddress(location.hash);
  batch(() => {
    if (asset) ticker.value = asset;
    if (name && name in RANGES) range.value = name as Range;
    for (const [key, { read }] of Object.entries(PARAMETERS)) read(parameters[key] ?? null);
  });
}

function current(): Address {
  const parameters: Record<string, string> = {};
  for (const [key, { write }] of Object.entries(PARAMETERS)) {
    const value = write();
    if (value !== null) parameters[key] = value;
  }
  return { asset: ticker.value, range: range.value, parameters };
}

/** The parts in which two addresses differ. */
function differences(one: Address, other: Address): string {
  const flat = ({ asset, range: name, parameters }: Address): Record<string, string | null> => ({
    asset,
    range: name,
    ...parameters,
  });
  const [left, right] = [flat(one), flat(other)];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])]
    .filter((key) => left[key] !== right[key])
    .sort()
    .join();
}

/**
 * Keeps what is selected and open in the URL, so that Back, a reload and a shared link lead to the same view. Every
 * choice is a step of Back, except what the page chose by itself.
 */
export function syncUrl(): void {
  const narrow = matchMedia("(max-width: 760px)");
  isNarrow.value = narrow.matches;
  let isFollowing = false;
  const follow = (change: () => void): void => {
    isFollowing = true;
    change();
    isFollowing = false;
  };
  narrow.addEventListener("change", () => follow(() => (isNarrow.value = narrow.matches)));
  addEventListener("hashchange", () => follow(read));
  read();

  let last = { changed: "", at: 0 };
  effect(() => {
    const address = current();
    if (address.asset === null) return;
    const hash = formatAddress(address);
    if (hash === location.hash) return;
    untracked(() => {
      const before = parseAddress(location.hash);
      const changed = differences(before, address);
      const isSameStep =
        (changed === "asset" || changed === "range") && last.changed === changed && Date.now() - last.at < ONE_STEP_MS;
      last = { changed, at: Date.now() };
      // Closing what this page has opened goes back, so that Back does not open it again.
      if (changed === "alert" && openAlertId.value === null && isOpenedHere(history.state)) history.back();
      else if (isFollowing || before.asset === null || isSameStep) history.replaceState(history.state, "", hash);
      else history.pushState({ opened: changed === "alert" && openAlertId.value !== null }, "", hash);
    });
  });
}

const isOpenedHere = (state: unknown): boolean =>
  typeof state === "object" && state !== null && "opened" in state && state.opened === true;
