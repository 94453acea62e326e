import { signal } from "@preact/signals";

/** Whether anybody can see the page. Hidden and frozen pages do not poll. */
export const isPageVisible = signal(typeof document === "undefined" || document.visibilityState !== "hidden");

/** The time of day, once a second while the page is seen: what ages and countdowns are computed from. */
export const now = signal(Date.now());

export function watchVisibility(): void {
  const update = (): void => {
    now.value = Date.now();
    isPageVisible.value = document.visibilityState !== "hidden";
  };
  const hide = (): void => void (isPageVisible.value = false);
  document.addEventListener("visibilitychange", update);
  // The browser suspends the page, or keeps it for the back button; another tab has to ask meanwhile.
  document.addEventListener("freeze", hide);
  document.addEventListener("resume", update);
  addEventListener("pagehide", hide);
  addEventListener("pageshow", update);
  setInterval(() => {
    if (isPageVisible.value) now.value = Date.now();
  }, 1_000);
}
