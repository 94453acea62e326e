/** With what the person signs in on this device, so that the form opens with it the next time. */
import { readStorage, writeStorage } from "../lib/storage.ts";

export const WAYS = ["key", "password"] as const;
export type Way = (typeof WAYS)[number];

/** Not with the prefix of a session's entries: it is for after the session. */
const STORAGE_KEY = "cryptolens-sign-in";

export const lastWay = (): Way => (readStorage("localStorage", STORAGE_KEY) === "password" ? "password" : "key");

export function keepWay(way: Way): void {
  writeStorage("localStorage", STORAGE_KEY, way === "key" ? null : way);
}
