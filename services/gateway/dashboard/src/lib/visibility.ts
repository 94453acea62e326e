import { signal } from "@preact/signals";

/** Whether anybody can see the page. Hidden pages do not poll. */
export const visible = signal(typeof document === "undefined" || document.visibilityState !== "hidden");

/** The time of day, once a second while the page is seen: what ages and countdowns are computed from. */
export const now = signal(Date.now());

export function watchVisibility(): void {
  document.addEventListener("visibilitychange", () => {
    now.value = Date.now();
    visible.value = document.visibilityState !== "hidden";
  });
  setInterval(() => {
    if (visible.value) now.value = Date.now();
  }, 1_000);
}
