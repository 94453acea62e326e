import { signal } from "@preact/signals";

/*
 * The tabs of one account share its rate limits, so one of them asks for all. For each topic (a resource and
 * its key, such as the candles of BTC) the tab that holds the topic's lock is the leader: it asks and
 * broadcasts what it gets. A lock that is released, because the tab was closed, hidden or frozen, goes to the
 * next tab at once. A leader that is stuck keeps its lock, so one that does not answer loses it.
 */

/** How long a follower hears nothing before it asks whether the leader is still there. */
const PROBE_MS = 3_000;
/** How long the leader has for its answer. */
const GRACE_MS = 1_000;
/** Changes with the messages' form: a tab that was opened before an update talks to its like only. */
const VERSION = 1;

/** What a topic's member does when it is asked to. */
export interface Member {
  /** This tab is the leader from now on. */
  lead: () => void;
  /** Another tab is. */
  follow: () => void;
  /** What the leader got. */
  receive: (update: unknown) => void;
  /** A follower's person wants the newest value now. */
  refresh: () => void;
  /** What a tab that has just joined is given; `null` for nothing yet. */
  latest: () => unknown;
}

type Message =
  | { kind: "update"; topic: string; update: unknown }
  /** From a newcomer, which wants the newest update. */
  | { kind: "join"; topic: string }
  | { kind: "probe"; topic: string }
  | { kind: "alive"; topic: string }
  | { kind: "refresh"; topic: string }
  | { kind: "notice"; notice: unknown };

export type Locks = Pick<LockManager, "request">;
export type Channel = Pick<BroadcastChannel, "postMessage" | "close" | "onmessage">;

/** The tabs of one account in this browser. */
export class TabGroup {
  readonly name: string;
  /** Called with what another tab told everybody. */
  onNotice: (notice: unknown) => void = () => undefined;
  readonly #locks: Locks;
  readonly #channel: Channel;
  readonly #topics = new Map<string, Topic>();
  #isClosed = false;

  constructor(account: string, locks: Locks, open: (name: string) => Channel) {
    this.name = `cryptolens/${VERSION}/${account}`;
    this.#locks = locks;
    this.#channel = open(this.name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
  }

  join(topic: string, member: Member): Topic {
    const joined = new Topic(topic, member, {
      request: (options, held) => this.#locks.request(`${this.name}/${topic}`, options, held),
      post: (message) => this.#post(message),
      left: () => this.#topics.delete(topic),
    });
    this.#topics.set(topic, joined);
    joined.start();
    return joined;
  }

  /** Tells every other tab. */
  announce(notice: unknown): void {
    this.#post({ kind: "notice", notice });
  }

  close(): void {
    this.#isClosed = true;
    for (const topic of [...this.#topics.values()]) topic.leave();
    this.#channel.close();
  }

  #post(message: Message): void {
    if (!this.#isClosed) this.#channel.postMessage(message);
  }

  #hear(message: Message): void {
    if (this.#isClosed) return;
    if (message.kind === "notice") this.onNotice(message.notice);
    else this.#topics.get(message.topic)?.hear(message);
  }
}

/** What a topic needs of its group. */
interface Hub {
  request: (options: LockOptions, held: () => Promise<void> | undefined) => Promise<unknown>;
  post: (message: Message) => void;
  left: () => void;
}

/** A tab's part in one topic, until it leaves. */
export class Topic {
  /** Whether this tab is the one that asks. */
  leads = false;
  readonly #topic: string;
  readonly #member: Member;
  readonly #hub: Hub;
  #claim = new AbortController();
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(topic: string, member: Member, hub: Hub) {
    this.#topic = topic;
    this.#member = member;
    this.#hub = hub;
  }

  start(): void {
    this.#hub.post({ kind: "join", topic: this.#topic });
    this.#compete(false);
  }

  publish(update: unknown): void {
    this.#hub.post({ kind: "update", topic: this.#topic, update });
  }

  /** Asks the leader for the newest value. */
  refresh(): void {
    this.#hub.post({ kind: "refresh", topic: this.#topic });
  }

  leave(): void {
    clearTimeout(this.#watchdog);
    this.leads = false;
    this.#claim.abort();
    this.#hub.left();
  }

  hear(message: Message): void {
    if (this.#claim.signal.aborted) return;
    if (this.leads) {
      if (message.kind === "join") this.#welcome();
      else if (message.kind === "probe") this.#hub.post({ kind: "alive", topic: this.#topic });
      else if (message.kind === "refresh") this.#member.refresh();
    } else if (message.kind === "update" || message.kind === "alive") {
      this.#watch();
      if (message.kind === "update") this.#member.receive(message.update);
    }
  }

  #welcome(): void {
    const update = this.#member.latest();
    if (update === null) this.#hub.post({ kind: "alive", topic: this.#topic });
    else this.publish(update);
  }

  /** Waits for the lock, or takes it from a leader that does not answer, and holds it until this tab leaves. */
  #compete(steal: boolean): void {
    this.#claim.abort();
    const claim = new AbortController();
    this.#claim = claim;
    if (!steal) this.#watch();
    const held = (): Promise<void> | undefined => {
      if (claim.signal.aborted) return undefined;
      this.#lead();
      return new Promise((release) => claim.signal.addEventListener("abort", () => release()));
    };
    // A lock that is stolen cannot be waited for, so that request has no signal.
    const options: LockOptions = steal ? { steal } : { signal: claim.signal };
    this.#hub.request(options, held).then(
      () => undefined,
      (cause: unknown) => {
        if (claim.signal.aborted) return;
        // Without storage access there are no locks: this tab then asks for itself.
        if ((cause as Error).name !== "AbortError") return this.#lead();
        this.leads = false;
        this.#member.follow();
        this.#compete(false);
      },
    );
  }

  #lead(): void {
    clearTimeout(this.#watchdog);
    this.leads = true;
    this.#hub.post({ kind: "alive", topic: this.#topic });
    this.#member.lead();
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#hub.post({ kind: "probe", topic: this.#topic });
      // Not all followers at the same time: the first one to lead tells the others.
      const patience = GRACE_MS * (1 + Math.random());
      this.#watchdog = setTimeout(() => this.#compete(true), patience);
    }, PROBE_MS);
  }
}

/** The group that this page belongs to; `null` while it asks for itself. */
export const tabGroup = signal<TabGroup | null>(null);

/** The group of an account; `null` where the browser has no locks or channels, as on pages over plain HTTP. */
export function groupOf(account: string): TabGroup | null {
  if (!globalThis.navigator?.locks || typeof BroadcastChannel === "undefined") return null;
  return new TabGroup(account, navigator.locks, (name) => new BroadcastChannel(name));
}
