import { signal } from "@preact/signals";

/** Whether anybody can see the page. Hidden and frozen pages do not poll. */
export const visible = signal(typeof document === "undefined" || document.visibilityState !== "hidden");

/** The time of day, once a second while the page is seen: what ages and countdowns are computed from. */
export const now = signal(Date.now());

export function watchVisibility(): void {
  const look = (): void => {
    now.value = Date.now();
    visible.value = document.visibilityState !== "hidden";
  };
  const stop = (): void => void (visible.value = false);
  document.addEventListener("visibilitychange", look);
  // The browser suspends the page, or keeps it for the back button; another tab has to ask meanwhile.
  document.addEventListener("freeze", stop);
  document.addEventListener("resume", look);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", look);
  setInterval(() => {
    if (visible.value) now.value = Date.now();
  }, 1_000);
}
