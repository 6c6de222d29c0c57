import { accept, type Result, refuse } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { ChannelRegistry } from "../channel-registry.ts";
import type { PresenceChange } from "../presence/member.ts";
import type { Presence, PresenceEntry } from "../presence/presence.ts";
import type { Session } from "../session.ts";

/** What an OnlineUsers stands on. */
export interface OnlineUsersOptions {
  readonly channels: Pick<ChannelRegistry, "acquire" | "release">;
  /** null where there is no cluster: nobody is known to be online then. */
  readonly presence: Presence | null;
}

/** Which of the users that are watched are online, and which are not. */
export interface WatchReport {
  readonly online: readonly string[];
  readonly offline: readonly string[];
}

/** The presence channel that all signed-in users of an app are on. No client can subscribe to it. */
export const ONLINE_CHANNEL = "#online";

interface Entry {
  readonly presence: PresenceEntry;
  /** Settles when the user is told to be online, and it is known here who else is. */
  readonly entered: Promise<boolean>;
  watched: ReadonlySet<string>;
}

const NOBODY: ReadonlySet<string> = new Set();
const UNAVAILABLE = refuse("bus_unavailable", "the bus can't be reached, so nobody knows who is online: try again");

/**
 * Who is online: users with a signed-in connection anywhere in the cluster. It is one presence channel for each app, so a
 * gateway with a signed-in connection knows all signed-in users of its app, and asks nobody when one of them is watched.
 */
export class OnlineUsers {
  readonly #options: OnlineUsersOptions;
  readonly #entries = new Map<Session, Entry>();
  /** By app id, then by user id. */
  readonly #watchers = new Map<string, Map<string, Set<Session>>>();

  constructor(options: OnlineUsersOptions) {
    this.#options = options;
  }

  /** A connection's user has signed in. Once for each session. */
  signedIn(session: Session): void {
    const { presence, channels } = this.#options;
    const { user, app } = session;
    if (presence === null || user === null || !app.settings.watchlist) return;
    const channel = channels.acquire(app.id, ONLINE_CHANNEL);
    const member = { id: user.id, info: null };
    const entry: PresenceEntry = { channel, connection: session.number, member, maxMembers: 0 };
    const entered = presence.enter(entry).then(
      ({ ok }) => ok,
      () => false,
    );
    this.#entries.set(session, { presence: entry, entered, watched: NOBODY });
  }

  /** A connection has ended. Idempotent. */
  left(session: Session): void {
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    this.#entries.delete(session);
    this.#unwatch(session, entry);
    this.#options.presence?.leave(entry.presence, true);
    this.#options.channels.release(entry.presence.channel);
  }

  /**
   * Lets a signed-in session hear from now on when these users come and go, instead of those before, and answers who of
   * them is online now. What it hears later continues the answer.
   */
  async watch(session: Session, userIds: readonly string[]): Promise<Result<WatchReport>> {
    const { presence } = this.#options;
    const entry = this.#entries.get(session);
    if (presence === null || entry === undefined) return accept({ online: [], offline: [...userIds] });
    if (!(await entry.entered)) return UNAVAILABLE;
    if (this.#entries.get(session) !== entry) return refuse("cancelled", "the connection has closed");
    this.#unwatch(session, entry);
    entry.watched = new Set(userIds);
    const watchers = this.#watchersOf(session.app.id);
    for (const id of entry.watched) {
      const sessions = watchers.get(id);
      if (sessions === undefined) watchers.set(id, new Set([session]));
      else sessions.add(session);
    }
    const roster = presence.rosterOf(entry.presence.channel);
    const isOnline = (id: string) => roster.has(id);
    return accept({ online: userIds.filter(isOnline), offline: userIds.filter((id) => !isOnline(id)) });
  }

  /** Who came online and who went, as the channel {@link ONLINE_CHANNEL} tells it. */
  changed({ appId }: Channel, { joined, changed, left }: PresenceChange): void {
    const watchers = this.#watchers.get(appId);
    if (watchers === undefined) return;
    const told = new Map<Session, { online: string[]; offline: string[] }>();
    const note = (userId: string, isOnline: boolean) => {
      for (const session of watchers.get(userId) ?? []) {
        const report = told.get(session) ?? { online: [], offline: [] };
        told.set(session, report);
        (isOnline ? report.online : report.offline).push(userId);
      }
    };
    for (const { id } of joined) if (changed?.has(id) !== true) note(id, true);
    for (const id of left) note(id, false);
    for (const [session, report] of told) session.onWatched(report);
  }

  #unwatch(session: Session, entry: Entry): void {
    const watchers = this.#watchers.get(session.app.id);
    for (const id of entry.watched) {
      const sessions = watchers?.get(id);
      if (sessions?.delete(session) && sessions.size === 0) watchers?.delete(id);
    }
    if (watchers?.size === 0) this.#watchers.delete(session.app.id);
    entry.watched = NOBODY;
  }

  #watchersOf(appId: string): Map<string, Set<Session>> {
    let watchers = this.#watchers.get(appId);
    if (watchers === undefined) {
      watchers = new Map();
      this.#watchers.set(appId, watchers);
    }
    return watchers;
  }
}
