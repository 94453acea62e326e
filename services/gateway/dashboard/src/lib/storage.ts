/**
 * The browser's storage. It can be blocked, so that even naming it throws, or full: what was to be kept then ends with
 * the page.
 */

export type Area = "localStorage" | "sessionStorage";

export function readStorage(area: Area, name: string): string | null {
  try {
    return globalThis[area].getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a value; `null` removes it. */
export function writeStorage(area: Area, name: string, value: string | null): void {
  try {
    if (value === null) globalThis[area].removeItem(name);
    else globalThis[area].setItem(name, value);
  } catch {
    // See above.
  }
}

/** Removes everything whose name begins so. */
export function clearStorage(area: Area, prefix: string): void {
  try {
    const storage = globalThis[area];
    for (const name of Object.keys(storage)) if (name.startsWith(prefix)) storage.removeItem(name);
  } catch {
    // See above.
  }
}

/** Tells what other tabs write into the local storage under a name. */
export function followStorage(name: string, follow: (value: string | null) => void): void {
  addEventListener("storage", ({ key, newValue }) => {
    if (key === name) follow(newValue);
  });
}
