import { signal } from "@preact/signals";

/** Hidden and frozen pages do not poll. */
export const isPageVisible = signal(typeof document === "undefined" || document.visibilityState !== "hidden");

/** The current time, updated every second while the page is visible, for ages and countdowns. */
export const now = signal(Date.now());

export function watchVisibility(): void {
  const update = (): void => {
    now.value = Date.now();
    isPageVisible.value = document.visibilityState !== "hidden";
  };
  const hide = (): void => void (isPageVisible.value = false);
  document.addEventListener("visibilitychange", update);
  // The page is suspended or goes into the back-forward cache; another tab has to take the lead.
  document.addEventListener("freeze", hide);
  document.addEventListener("resume", update);
  addEventListener("pagehide", hide);
  addEventListener("pageshow", update);
  setInterval(() => {
    if (isPageVisible.value) now.value = Date.now();
  }, 1_000);
}
