import { channelKind, isServerChannel } from "@carillon/protocol";
import type { Channel } from "../channel.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { NodeServices } from "../node-services.ts";
import type { Session } from "../session.ts";
import { CONTROL, listOf, toParts } from "./control-question.ts";

/** Answers what other processes ask about this gateway's channels and connections, and ends connections for them. */
export class GatewayControl {
  readonly #services: NodeServices;

  constructor(cluster: Cluster, services: NodeServices) {
    this.#services = services;
    cluster.handle(CONTROL.channels, (_from, body) => this.#channels(listOf(body)));
    cluster.handle(CONTROL.summaries, (_from, body) => this.#summaries(listOf(body)));
    cluster.handle(CONTROL.members, (_from, body) => this.#members(listOf(body)));
    cluster.handle(CONTROL.connections, (_from, body) => this.#connections(listOf(body)));
    cluster.handle(CONTROL.disconnect, (_from, body) => this.#disconnect(listOf(body)));
  }

  // Looks through all channels of the node, and sorts those that fit: some 100 ms for 100,000 of them.
  #channels([appId, prefix, after, limit]: readonly unknown[]): readonly unknown[] {
    const found: Channel[] = [];
    for (const channel of this.#services.channels.all()) {
      const { channel: name } = channel;
      if (isServerChannel(name)) continue;
      if (channel.appId !== appId || !name.startsWith(String(prefix)) || name <= String(after)) continue;
      if (channel.subscribers > 0) found.push(channel);
    }
    found.sort((left, right) => (left.channel < right.channel ? -1 : 1));
    const rows = found.slice(0, Number(limit)).map((channel) => {
      return [channel.channel, channel.subscribers, this.#rosterOf(channel)?.count ?? null];
    });
    return toParts(rows);
  }

  #summaries([appId, names]: readonly unknown[]): readonly unknown[] {
    const rows: unknown[] = [];
    for (const name of listOf(names)) {
      const channel = this.#services.channels.find(String(appId), String(name));
      const subscriptions = channel?.subscribers ?? 0;
      if (channel === undefined || subscriptions === 0) continue;
      const roster = this.#rosterOf(channel);
      rows.push([name, subscriptions, roster?.count ?? null, roster?.isComplete ?? true]);
    }
    return toParts(rows);
  }

  #members([appId, name, after, limit]: readonly unknown[]): readonly unknown[] {
    const channel = this.#services.channels.find(String(appId), String(name));
    const roster = channel === undefined || channel.subscribers === 0 ? null : this.#rosterOf(channel);
    if (roster === null) return [];
    const { members, next } = roster.page(typeof after === "string" ? after : null, Number(limit));
    return [[roster.count, roster.isComplete, next], ...toParts(members.map(({ id, info }) => [id, info]))];
  }

  #connections([appId, userId]: readonly unknown[]): readonly unknown[] {
    const sessions = this.#sessionsOf(appId, (session) => session.isOf(String(userId)));
    return toParts(sessions.map(({ connectionId }) => connectionId));
  }

  #disconnect([appId, kind, id]: readonly unknown[]): readonly unknown[] {
    const sessions = this.#sessionsOf(appId, (session) => {
      if (kind === "user") return session.isOf(String(id));
      if (kind === "signed-in") return session.isSignedInAs(String(id));
      return kind === "token" ? session.grant?.tokenId === id : session.connectionId === id;
    });
    for (const session of sessions) session.end("disconnected");
    return [sessions.length];
  }

  #sessionsOf(appId: unknown, isMeant: (session: Session) => boolean): Session[] {
    return this.#services.connections.all().filter((session) => session.app.id === appId && isMeant(session));
  }

  #rosterOf(channel: Channel) {
    const { presence } = this.#services;
    return presence === null || channelKind(channel.channel) !== "presence" ? null : presence.rosterOf(channel);
  }
}
