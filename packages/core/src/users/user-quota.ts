import type { CloseCodeName } from "@carillon/protocol";
import type { Cluster } from "../cluster/cluster.ts";
import type { App } from "../ports/apps.ts";
import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import { decodeUserRows, toMessages, type UserRow } from "./user-rows.ts";

/** A session, as far as a quota has to do with it. */
export interface CountedSession {
  readonly app: App;
  end(name: CloseCodeName): void;
}

/** What a UserQuota stands on. */
export interface UserQuotaOptions {
  /** The other gateways; absent: there are none. */
  readonly cluster: Cluster | undefined;
  readonly bus: Pick<Bus, "onStatus">;
  readonly clock: Clock;
}

/** What a quota has done. Only ever grows. */
export interface UserQuotaCounters {
  /** Connections that were over the quota when they came. */
  refused: number;
  /** Connections that were found to be over it once the other gateways had told of older ones. */
  ended: number;
}

/** A user with a connection here. */
interface User {
  readonly app: App;
  readonly userId: string;
  /** Its connections here, oldest first. */
  readonly here: { readonly session: CountedSession; readonly atMs: number }[];
  /** When its connections on other gateways came, by gateway. */
  readonly elsewhere: Map<string, readonly number[]>;
}

/** Rows, which say how it is. */
const USERS = "users";
/** Rows, to which the answer is how it is with these users, also that there is nothing of them. */
const USERS_CHECK = "users-check";

/** Changes are told together, this long after the first of them, in ms. */
const FLUSH_MS = 200;

/** Most users in one telling. After a break of the bus all of them are told again, and must not come as one wave. */
const MAX_ROWS = 1000;

/** Most users that may wait to be told of. Beyond it changes aren't told: they only make a quota less exact. */
const MAX_WAITING = 200_000;

/**
 * Counts the connections of each user over all gateways, where an app limits them, and ends the newest that are too many.
 *
 * A gateway keeps numbers only of users that have a connection on it. When one comes or goes, it tells the others so, batched:
 * those that have the user as well take a note, and, when it is new there, tell theirs. Then every gateway that has the user can put
 * all of its connections in the same order of time, and ends those of its own that stand behind the limit. So too many never
 * stay for longer than the two messages take, well below a second, and of connections that come at the same time the right number stays.
 *
 * Cost: nothing where no app has the limit. Else one row of some 40 bytes a connect and a close, to each gateway: 10,000
 * connects a second in the cluster cost each of its gateways 10,000 look-ups a second, and five messages a second for each other gateway.
 * A lost message leaves a user with too many until one of its connections comes or goes, or with one too few until it is refused.
 */
export class UserQuota {
  readonly counters: UserQuotaCounters = { refused: 0, ended: 0 };
  readonly #options: UserQuotaOptions;
  readonly #users = new Map<string, User>();
  readonly #userOf = new Map<CountedSession, User>();
  /** Users to tell of; true: the others shall tell what they have. */
  readonly #waiting = new Map<string, { readonly app: App; readonly userId: string; readonly wantsAnswer: boolean }>();
  readonly #stops: readonly (() => void)[];
  #timer: Timer | null = null;

  constructor(options: UserQuotaOptions) {
    this.#options = options;
    const { cluster, bus } = options;
    cluster?.handle(USERS, (from, body) => {
      this.#hear(from, body);
      return undefined;
    });
    cluster?.handle(USERS_CHECK, (from, body) => {
      const rows = decodeUserRows(body).map(({ appId, userId }) => this.#rowOf(appId, userId, false));
      for (const message of toMessages(rows)) cluster.tell(USERS, message, from);
      return undefined;
    });
    this.#stops = [
      bus.onStatus((status) => {
        if (status === "connected") this.#tellAll();
      }),
      ...(cluster === undefined ? [] : [cluster.onGone(({ id }) => this.#forget(id))]),
      ...(cluster === undefined ? [] : [cluster.onAppeared((_node, wasLost) => void (wasLost && this.#tellAll()))]),
    ];
  }

  /** Counts a connection that has just become this user's; false when the user has as many as it may. */
  admit(session: CountedSession, userId: string): boolean {
    const { app } = session;
    const limit = app.settings.limits.connectionsPerUser;
    if (limit === 0) return true;
    const key = keyOf(app.id, userId);
    const user: User = this.#users.get(key) ?? { app, userId, here: [], elsewhere: new Map() };
    if (countOf(user) >= limit) {
      this.counters.refused++;
      this.#check(user);
      return false;
    }
    const isNew = user.here.length === 0;
    user.here.push({ session, atMs: this.#options.clock.now() });
    this.#users.set(key, user);
    this.#userOf.set(session, user);
    this.#tell(user, isNew);
    return true;
  }

  /** The connection has ended. Ignored for one that isn't counted. */
  release(session: CountedSession): void {
    const user = this.#userOf.get(session);
    if (user === undefined) return;
    this.#userOf.delete(session);
    user.here.splice(
      user.here.findIndex((each) => each.session === session),
      1,
    );
    if (user.here.length === 0) this.#users.delete(keyOf(user.app.id, user.userId));
    this.#tell(user, false);
  }

  /** Tells and hears nothing more. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  #tell({ app, userId }: User, wantsAnswer: boolean): void {
    if (this.#options.cluster === undefined) return;
    const key = keyOf(app.id, userId);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined && this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(key, { app, userId, wantsAnswer: wantsAnswer || waiting?.wantsAnswer === true });
    this.#timer ??= this.#options.clock.after(FLUSH_MS, () => this.#flush());
  }

  /** Somebody is refused because of what other gateways have told: should one of its messages have got lost, it says it again. */
  #check({ app, userId, elsewhere }: User): void {
    for (const nodeId of elsewhere.keys()) {
      const [message] = toMessages([{ appId: app.id, userId, cameAtMs: [], wantsAnswer: false }]);
      this.#options.cluster?.tell(USERS_CHECK, message, nodeId);
    }
  }

  /** What was told lately may not have been heard, and what others told neither. */
  #tellAll(): void {
    for (const user of this.#users.values()) this.#tell(user, true);
  }

  #flush(): void {
    const { cluster, clock } = this.#options;
    this.#timer = null;
    if (cluster === undefined) return;
    // While the bus is away nothing would be heard.
    if (cluster.isSettled) {
      const rows: UserRow[] = [];
      for (const [key, { app, userId, wantsAnswer }] of this.#waiting) {
        if (rows.length >= MAX_ROWS) break;
        this.#waiting.delete(key);
        rows.push(this.#rowOf(app.id, userId, wantsAnswer));
      }
      if (cluster.nodes.some(({ isGateway }) => isGateway)) {
        for (const message of toMessages(rows)) cluster.tell(USERS, message);
      }
    }
    if (this.#waiting.size > 0) this.#timer = clock.after(FLUSH_MS, () => this.#flush());
  }

  /** The oldest connections say all that others need to know: as many as the limit are enough to be over it. */
  #rowOf(appId: string, userId: string, wantsAnswer: boolean): UserRow {
    const user = this.#users.get(keyOf(appId, userId));
    const oldest = user?.here.slice(0, Math.max(user.app.settings.limits.connectionsPerUser, 1)) ?? [];
    return { appId, userId, cameAtMs: oldest.map(({ atMs }) => atMs), wantsAnswer };
  }

  #hear(from: string, body: unknown): void {
    const answers: UserRow[] = [];
    for (const { appId, userId, cameAtMs, wantsAnswer } of decodeUserRows(body)) {
      const user = this.#users.get(keyOf(appId, userId));
      if (user === undefined) continue;
      if (cameAtMs.length === 0) user.elsewhere.delete(from);
      else user.elsewhere.set(from, cameAtMs);
      this.#endExcess(user);
      if (wantsAnswer) answers.push(this.#rowOf(appId, userId, false));
    }
    for (const message of toMessages(answers)) this.#options.cluster?.tell(USERS, message, from);
  }

  #endExcess(user: User): void {
    const limit = user.app.settings.limits.connectionsPerUser;
    if (limit === 0) return;
    for (let index = user.here.length - 1; index >= 0; index--) {
      const last = user.here[index];
      // Those before it are older, and stand before it in the common order as well.
      if (last === undefined || index + this.#olderElsewhere(user, last.atMs) < limit) return;
      this.counters.ended++;
      this.release(last.session);
      last.session.end("user_connection_limit");
    }
  }

  #olderElsewhere({ elsewhere }: User, atMs: number): number {
    const self = this.#options.cluster?.nodeId ?? "";
    let older = 0;
    for (const [nodeId, times] of elsewhere) {
      for (const time of times) if (time < atMs || (time === atMs && nodeId < self)) older++;
    }
    return older;
  }

  #forget(nodeId: string): void {
    for (const user of this.#users.values()) user.elsewhere.delete(nodeId);
  }
}

function countOf({ here, elsewhere }: User): number {
  let count = here.length;
  for (const times of elsewhere.values()) count += times.length;
  return count;
}

function keyOf(appId: string, userId: string): string {
  // The id of an app has no slash.
  return `${appId}/${userId}`;
}
