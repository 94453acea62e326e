/* global document, localStorage */
// Runs before the first paint, which would otherwise be in the system's theme. It is no inline script, which the page's
// content security policy refuses, and no module, which would run too late. src/state/theme.ts takes over from it.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem("cryptolens-theme");
  } catch {
    // Storage can be blocked by the browser.
  }
  if (stored !== "light" && stored !== "dark") return;
  document.documentElement.dataset.theme = stored;
  document.querySelector('meta[name="color-scheme"]')?.setAttribute("content", stored);
})();
