import type { App } from "./ports/apps.ts";
import type { Session } from "./session.ts";

const NONE: readonly Session[] = [];

/**
 * The connections of this node, by number, and how many each app has.
 *
 * A connection id is `NODE.NUMBER`, both whole numbers (what Pusher's SDKs demand of a socket id). NODE is drawn at random
 * by each process, so ids are unique over the cluster, and an id of another node is told apart without a look-up.
 */
export class ConnectionTable {
  readonly #prefix: string;
  readonly #sessions = new Map<number, Session>();
  readonly #countsByApp = new Map<string, number>();
  /** Those whose clients call themselves something; usually one each. */
  readonly #bySender = new Map<string, Session[]>();
  #lastNumber = 0;

  /** `nodeNumber`: a random whole number of up to 48 bits. */
  constructor(nodeNumber: number) {
    this.#prefix = `${nodeNumber}.`;
  }

  /** All connections of the node. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Connections by app; apps without any are left out. */
  get countsByApp(): ReadonlyMap<string, number> {
    return this.#countsByApp;
  }

  /** Connections of one app on this node. */
  countOf(app: App): number {
    return this.#countsByApp.get(app.id) ?? 0;
  }

  /** A number that no other connection of this process has or had. */
  nextNumber(): number {
    this.#lastNumber++;
    return this.#lastNumber;
  }

  /** The id of the connection with this number. */
  idOf(number: number): string {
    return this.#prefix + number;
  }

  /** The session with this connection id; undefined when it is gone, or on another node. */
  find(connectionId: string): Session | undefined {
    if (!connectionId.startsWith(this.#prefix)) return undefined;
    const session = this.#sessions.get(Number(connectionId.slice(this.#prefix.length)));
    // Number() reads "1e0" and " 1" as well: only the one true spelling is the id.
    return session?.connectionId === connectionId ? session : undefined;
  }

  /** The sessions that an event which excludes this id must not reach: by connection id, or by sender id. */
  excludedBy(id: string): readonly Session[] {
    const session = this.find(id);
    return session === undefined ? (this.#bySender.get(id) ?? NONE) : [session];
  }

  add(session: Session): void {
    if (session.senderId !== null) {
      this.#bySender.set(session.senderId, [...(this.#bySender.get(session.senderId) ?? NONE), session]);
    }
    this.#sessions.set(session.number, session);
    this.#countsByApp.set(session.app.id, this.countOf(session.app) + 1);
  }

  remove(session: Session): void {
    if (!this.#sessions.delete(session.number)) return;
    this.#forgetSender(session);
    const left = this.countOf(session.app) - 1;
    if (left === 0) this.#countsByApp.delete(session.app.id);
    else this.#countsByApp.set(session.app.id, left);
  }

  /** The sessions of now; safe to close while going through them. */
  all(): Session[] {
    return [...this.#sessions.values()];
  }

  /** The number that was given last; all connections of now have one that is not greater. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** The sessions that have been here longest, at most `count`, and none with a greater number than `upToNumber`. */
  oldest(count: number, upToNumber: number): Session[] {
    const found: Session[] = [];
    // In the order of adding, which is that of the numbers.
    for (const session of this.#sessions.values()) {
      if (found.length >= count || session.number > upToNumber) break;
      found.push(session);
    }
    return found;
  }

  #forgetSender(session: Session): void {
    if (session.senderId === null) return;
    const left = this.#bySender.get(session.senderId)?.filter((each) => each !== session) ?? NONE;
    if (left.length === 0) this.#bySender.delete(session.senderId);
    else this.#bySender.set(session.senderId, [...left]);
  }
}
