/** Work that one tab of the browser does at a time. */
import { readStorage, writeStorage } from "./storage.ts";

/** Longer than a request can take: the tab that holds a lease may have been closed meanwhile. */
const LEASE_MS = 20_000;
/** Time in which other tabs see what was written into the storage. */
const SETTLE_MS = 60;

export interface Timing {
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

const REAL: Timing = { now: () => Date.now(), sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)) };

/**
 * Runs the work while no other tab runs work of this name, by a Web Lock. Browsers give locks to secure pages only, so a
 * page over plain HTTP takes a lease in the storage.
 */
export async function exclusively<T>(name: string, work: () => Promise<T>, timing = REAL): Promise<T> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return byLease(name, work, timing);
  let isStarted = false;
  try {
    return await locks.request(name, async () => {
      isStarted = true;
      return work();
    });
  } catch (cause) {
    // Locks need storage access: where that is blocked, tabs have nothing to share either.
    if (isStarted) throw cause;
    return work();
  }
}

/**
 * Who still finds the own lease after a moment has it: two tabs that write at once are told apart by what remains. A tab
 * that is closed with the lease delays the others by its rest.
 */
export async function byLease<T>(name: string, work: () => Promise<T>, { now, sleep }: Timing): Promise<T> {
  const read = (): string | null => readStorage("localStorage", name);
  for (;;) {
    const until = Number(read()?.split(":")[0]);
    if (until > now()) {
      await sleep(SETTLE_MS);
      continue;
    }
    const lease = `${now() + LEASE_MS}:${Math.random()}`;
    writeStorage("localStorage", name, lease);
    const isKept = read() === lease;
    await sleep(SETTLE_MS);
    // What is not kept at all is blocked or full storage, which no tab can wait in.
    if (isKept && read() !== lease) continue;
    try {
      return await work();
    } finally {
      if (read() === lease) writeStorage("localStorage", name, null);
    }
  }
}
