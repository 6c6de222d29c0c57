import type { Cluster, ClusterAnswers } from "../cluster/cluster.ts";
import type { ChannelAddress } from "../ports/bus.ts";
import type { Member } from "../presence/member.ts";
import { CONTROL, listOf } from "./control-question.ts";

/** What is known when some gateways may not have answered in time. */
export interface ControlResult {
  /** False when a gateway did not answer in time: then numbers may be too low, and lists too short. */
  readonly isComplete: boolean;
}

/** A channel that somebody is subscribed to. */
export interface ChannelSummary {
  readonly channel: string;
  /** Subscriptions on all gateways: one for each connection. */
  readonly subscriptions: number;
  /** Users on a presence channel; null on others. */
  readonly users: number | null;
}

/** Which channels to list. */
export interface ChannelsQuery {
  /** Names begin so; "" for all. */
  readonly prefix: string;
  /** Names come after this one; "" begins at the first. */
  readonly after: string;
  /** Most channels in the answer, 1 to 10,000. */
  readonly limit: number;
}

/** An event for which receipts are wanted. */
export interface ReceiptsRequest {
  readonly messageId: string;
  /** At most 30,000 ms. */
  readonly timeoutMs: number;
  /** Publishes it; false when nothing went out. */
  readonly publish: () => Promise<boolean>;
}

/**
 * Whom to disconnect. `user`: a user's connections, also those that are it on a presence channel alone; `signed-in`: those alone
 * that are signed in as it; `token`: those that showed the connection token with this id (`jti`); or one connection.
 */
export interface DisconnectTarget {
  readonly kind: "user" | "signed-in" | "token" | "connection";
  readonly id: string;
}

/**
 * Questions about the whole cluster, and commands to it: asks all gateways and puts their answers together. Each call costs
 * one message and one answer a gateway.
 */
export class ClusterControl {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Channels of an app that have subscribers, by name in ascending order (UTF-16 code units). */
  async channels(
    appId: string,
    { prefix, after, limit }: ChannelsQuery,
  ): Promise<ControlResult & { readonly channels: readonly ChannelSummary[]; readonly next: string | null }> {
    // One more than wanted from each tells whether there is a next page.
    const result = await this.#ask(CONTROL.channels, [appId, prefix, after, limit + 1]);
    const byName = new Map<string, { subscriptions: number; users: number | null }>();
    for (const [channel, subscriptions, users] of rowsOf(result).flat().map(listOf)) {
      if (typeof channel !== "string") continue;
      const known = byName.get(channel) ?? { subscriptions: 0, users: null };
      known.subscriptions += Number(subscriptions);
      if (typeof users === "number") known.users = Math.max(known.users ?? 0, users);
      byName.set(channel, known);
    }
    const names = [...byName.keys()].sort((left, right) => (left < right ? -1 : 1));
    const channels = names
      .slice(0, limit)
      .map((channel) => ({ channel, subscriptions: 0, users: null, ...byName.get(channel) }));
    const next = names.length > limit ? (channels.at(-1)?.channel ?? null) : null;
    return { channels, next, isComplete: isComplete(result) };
  }

  /** One channel. */
  async channel({ appId, channel }: ChannelAddress): Promise<ControlResult & ChannelSummary> {
    const { channels, isComplete } = await this.summaries(appId, [channel]);
    return { channel, subscriptions: 0, users: null, ...channels[0], isComplete };
  }

  /** These channels, at most 100 of them, in their order; those without subscribers too. */
  async summaries(
    appId: string,
    names: readonly string[],
  ): Promise<ControlResult & { readonly channels: readonly ChannelSummary[] }> {
    const result = await this.#ask(CONTROL.summaries, [appId, names]);
    const byName = new Map(names.map((name) => [name, { subscriptions: 0, users: null as number | null }]));
    let isSure = true;
    for (const [name, here, count, isKnown] of rowsOf(result).flat().map(listOf)) {
      const known = byName.get(String(name));
      if (known === undefined) continue;
      known.subscriptions += Number(here);
      // Each gateway that has the channel knows all of its users.
      if (typeof count === "number") known.users = Math.max(known.users ?? 0, count);
      if (isKnown !== true) isSure = false;
    }
    const channels = [...byName].map(([channel, counts]) => ({ channel, ...counts }));
    return { channels, isComplete: isComplete(result) && isSure };
  }

  /** Users on a presence channel, by id in ascending order; null when nobody is subscribed to it. */
  async members(
    { appId, channel }: ChannelAddress,
    { after, limit }: { readonly after: string | null; readonly limit: number },
  ): Promise<
    | (ControlResult & { readonly count: number; readonly members: readonly Member[]; readonly next: string | null })
    | null
  > {
    const result = await this.#ask(CONTROL.members, [appId, channel, after, limit]);
    // Each gateway that has the channel knows all of its users: the one that knows most has heard the newest.
    const [best] = result.answers
      .filter(({ parts }) => parts.length > 0)
      .map(({ parts: [head, ...rows] }) => ({ head: listOf(head), rows: rows.flatMap(listOf).map(listOf) }))
      .sort((left, right) => Number(right.head[0]) - Number(left.head[0]));
    if (best === undefined) return null;
    const [count, isKnown, next] = best.head;
    const members = best.rows.map(([id, info]) => ({ id: String(id), info: typeof info === "string" ? info : null }));
    return {
      count: Number(count),
      members,
      next: typeof next === "string" ? next : null,
      isComplete: isKnown === true || isComplete(result),
    };
  }

  /** Connections of an app on all gateways, as they last told: at most a second old. */
  async connectionCount(appId: string): Promise<number> {
    await this.#cluster.whenSettled(SETTLE_MS);
    return this.#cluster.connectionsOf(appId);
  }

  /** Ids of a user's connections: those whose token names it, or which are on a presence channel as it. */
  async connectionsOf(appId: string, userId: string): Promise<ControlResult & { readonly ids: readonly string[] }> {
    const result = await this.#ask(CONTROL.connections, [appId, userId]);
    return { ids: rowsOf(result).flat().map(String), isComplete: isComplete(result) };
  }

  /**
   * Ends connections, as `disconnected`: close code 4013, or what their protocol says in place of it. They may come back: a
   * block is something else.
   */
  async disconnect(appId: string, { kind, id }: DisconnectTarget): Promise<ControlResult & { readonly count: number }> {
    const result = await this.#ask(CONTROL.disconnect, [appId, kind, id]);
    const count = result.answers.reduce((sum, { parts }) => sum + Number(parts[0] ?? 0), 0);
    return { count, isComplete: isComplete(result) };
  }

  /**
   * Publishes by `publish`, and counts who says within `timeoutMs` to have got it. null when `publish` says that nothing
   * went out. Incomplete also where a gateway with subscribers did not see the event in time.
   */
  async receipts(
    { appId, channel }: ChannelAddress,
    { messageId, timeoutMs, publish }: ReceiptsRequest,
  ): Promise<(ControlResult & { readonly expected: number; readonly received: number }) | null> {
    await this.#cluster.whenSettled(SETTLE_MS);
    // Asked first, and on the same way as the event: so the question is there when the event comes.
    const asking = this.#cluster.ask(CONTROL.receipts, [appId, channel, messageId, timeoutMs], {
      timeoutMs: timeoutMs + ANSWER_MS,
    });
    // Within one process a message to another node takes a turn, and an event none.
    await Promise.resolve();
    if (!(await publish())) return null;
    const result = await asking;
    let expected = 0;
    let received = 0;
    let isDelivered = true;
    for (const [here, got, isSeen] of result.answers.flatMap(({ parts }) => parts).map(listOf)) {
      expected += Number(here);
      received += Number(got);
      if (isSeen !== true) isDelivered = false;
    }
    return { expected, received, isComplete: isDelivered && isComplete(result) };
  }

  async #ask(kind: string, body: readonly unknown[]): Promise<ClusterAnswers> {
    await this.#cluster.whenSettled(SETTLE_MS);
    return this.#cluster.ask(kind, body);
  }
}

/** How long the answers themselves may take, in ms. */
const ANSWER_MS = 500;

/** How long a process that has just started waits to learn which gateways there are, in ms. */
const SETTLE_MS = 500;

function rowsOf({ answers }: ClusterAnswers): unknown[][] {
  return answers.flatMap(({ parts }) => parts).map((part) => [...listOf(part)]);
}

function isComplete({ missing }: ClusterAnswers): boolean {
  return missing.length === 0;
}
