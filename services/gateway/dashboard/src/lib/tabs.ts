import { signal } from "@preact/signals";

/*
 * The tabs of one account share its rate limits, so one of them sends the requests of all. For each topic (a resource
 * and its key, such as the candles of BTC) the tab that holds the topic's Web Lock is the leader: it polls and
 * broadcasts the results. When a tab is closed, hidden or frozen, its locks go to the next tab at once. A leader that
 * hangs would keep its lock, so the lock of one that does not respond is stolen.
 */

/** Silence after which a follower probes the leader. */
const PROBE_MS = 3_000;
/** Time in which the leader has to respond to a probe. */
const GRACE_MS = 1_000;
/** Version of the messages, and part of the channel's name: tabs from before an update form their own group. */
const VERSION = 1;

/** Callbacks of a topic's member. */
export interface Member {
  /** This tab became the leader. */
  lead: () => void;
  /** Another tab became the leader. */
  follow: () => void;
  /** The leader broadcast an update. */
  receive: (update: unknown) => void;
  /** A follower requests a refresh. */
  refresh: () => void;
  /** The update for a tab that has just joined; `null` if there is none yet. */
  latest: () => unknown;
}

type Message =
  | { kind: "update"; topic: string; update: unknown }
  /** From a tab that has just joined and needs the newest update. */
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
  /** Called with a notice of another tab. */
  onNotice: (notice: unknown) => void = () => undefined;
  readonly #locks: Locks;
  readonly #channel: Channel;
  readonly #topics = new Map<string, Topic>();
  #isClosed = false;

  constructor(account: string, locks: Locks, open: (name: string) => Channel) {
    this.name = `cryptolens/${VERSION}/${account}`;
    this.#locks = locks;
    this.#channel = open(this.name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#onMessage(data);
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

  /** Sends a notice to every other tab. */
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

  #onMessage(message: Message): void {
    if (this.#isClosed) return;
    if (message.kind === "notice") this.onNotice(message.notice);
    else this.#topics.get(message.topic)?.onMessage(message);
  }
}

/** The group, as its topics see it. */
interface Hub {
  request: (options: LockOptions, held: () => Promise<void> | undefined) => Promise<unknown>;
  post: (message: Message) => void;
  left: () => void;
}

/** A tab's part in one topic, until it leaves. */
export class Topic {
  /** Whether this tab is the leader. */
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

  /** Requests a refresh from the leader. */
  refresh(): void {
    this.#hub.post({ kind: "refresh", topic: this.#topic });
  }

  leave(): void {
    clearTimeout(this.#watchdog);
    this.leads = false;
    this.#claim.abort();
    this.#hub.left();
  }

  onMessage(message: Message): void {
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

  /** Waits for the lock, or steals it from a leader that does not respond, and holds it until this tab leaves. */
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
    // The API refuses a signal together with `steal`.
    const options: LockOptions = steal ? { steal } : { signal: claim.signal };
    this.#hub.request(options, held).then(
      () => undefined,
      (cause: unknown) => {
        if (claim.signal.aborted) return;
        // Locks need storage access; without it this tab sends its own requests.
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
      // Random, so that followers do not steal the lock from each other: the first one announces itself.
      const grace = GRACE_MS * (1 + Math.random());
      this.#watchdog = setTimeout(() => this.#compete(true), grace);
    }, PROBE_MS);
  }
}

/** The group of this page; `null` while it sends its own requests. */
export const tabGroup = signal<TabGroup | null>(null);

/** The group of an account; `null` where the browser has no locks or channels, as on pages over plain HTTP. */
export function groupOf(account: string): TabGroup | null {
  if (!globalThis.navigator?.locks || typeof BroadcastChannel === "undefined") return null;
  return new TabGroup(account, navigator.locks, (name) => new BroadcastChannel(name));
}
