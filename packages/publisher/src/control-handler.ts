import type { App, ChannelSummary, ClusterControl } from "@carillon/core";
import { channelKind, type Refusal } from "@carillon/protocol";
import { type HttpAnswer, type HttpRequest, type Logger, problem } from "@carillon/service";
import type { CallerCheck } from "./caller-check.ts";
import { type ControlQuery, readChannelOf, readControlQuery, readDisconnect } from "./control-query.ts";
import { readSmallBody } from "./small-body.ts";

/** What a ControlHandler stands on. */
export interface ControlHandlerOptions {
  readonly callers: CallerCheck;
  readonly control: ClusterControl;
  /** Where it is written who was disconnected. */
  readonly log: Logger;
}

/** An address about the cluster's channels and connections. */
export interface ControlRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Parameters that its query may have. */
  readonly parameters: readonly string[];
  readonly answer: (asked: Asked) => Promise<HttpAnswer>;
}

interface Asked {
  readonly app: App;
  readonly query: ControlQuery;
  readonly request: HttpRequest;
  readonly control: ClusterControl;
  readonly log: Logger;
}

const HEADERS = Object.freeze({ "content-type": "application/json", "cache-control": "no-store" });

/** Where channels and connections are asked about, and connections are ended. */
export const CONTROL_ROUTES: readonly ControlRoute[] = [
  { method: "GET", path: "/channels", parameters: ["prefix", "after", "limit"], answer: listChannels },
  { method: "GET", path: "/channels/:name", parameters: [], answer: describeChannel },
  { method: "GET", path: "/channels/:name/members", parameters: ["after", "limit"], answer: listMembers },
  { method: "GET", path: "/connections", parameters: ["user"], answer: listConnections },
  { method: "POST", path: "/connections/disconnect", parameters: [], answer: disconnect },
];

/** Answers what is asked about the cluster to whoever may publish in the app. */
export class ControlHandler {
  readonly #options: ControlHandlerOptions;

  constructor(options: ControlHandlerOptions) {
    this.#options = options;
  }

  /** Answers a call. Refusals are answers; only bugs reject. */
  async answer(request: HttpRequest, route: ControlRoute): Promise<HttpAnswer> {
    const { callers, control, log } = this.#options;
    const caller = callers.check(request);
    if (!caller.ok) return caller.answer;
    const query = readControlQuery(request.query, route.parameters);
    if (!query.ok) return refusalAnswer(query);
    return route.answer({ app: caller.app, query: query.value, request, control, log });
  }
}

async function listChannels({ app, query, control }: Asked): Promise<HttpAnswer> {
  const { prefix, after, limit } = query;
  const result = await control.channels(app.id, { prefix: prefix ?? "", after: after ?? "", limit });
  const { channels, next, isComplete: complete } = result;
  return json({ channels: channels.map(shownChannel), ...(next === null ? {} : { next }), complete });
}

async function describeChannel({ app, request, control }: Asked): Promise<HttpAnswer> {
  const channel = readChannelOf(request.path);
  if (!channel.ok) return refusalAnswer(channel);
  const { isComplete: complete, ...summary } = await control.channel({ appId: app.id, channel: channel.value });
  return json({ ...shownChannel(summary), occupied: summary.subscriptions > 0, complete });
}

async function listMembers({ app, query, request, control }: Asked): Promise<HttpAnswer> {
  const channel = readChannelOf(request.path);
  if (!channel.ok) return refusalAnswer(channel);
  if (channelKind(channel.value) !== "presence") {
    return problem("not_found", "only channels whose names begin with presence- know who is on them");
  }
  const result = await control.members({ appId: app.id, channel: channel.value }, query);
  if (result === null) return json({ channel: channel.value, count: 0, members: [], complete: true });
  const { count, members, next, isComplete: complete } = result;
  const shown = members.map(({ id, info }) => (info === null ? { id } : { id, info: JSON.parse(info) as unknown }));
  return json({ channel: channel.value, count, members: shown, ...(next === null ? {} : { next }), complete });
}

async function listConnections({ app, query: { user }, control }: Asked): Promise<HttpAnswer> {
  if (user === null) return json({ count: await control.connectionCount(app.id) });
  const { ids, isComplete: complete } = await control.connectionsOf(app.id, user);
  return json({ user, count: ids.length, connections: ids, complete });
}

async function disconnect({ app, request, control, log }: Asked): Promise<HttpAnswer> {
  const target = await readSmallBody(request, "one user, one token or one connection", readDisconnect);
  if (!target.ok) return target.answer;
  const { count, isComplete: complete } = await control.disconnect(app.id, target.value);
  log.info("connections_disconnected", { app: app.id, ...target.value, disconnected: count, complete });
  return json({ disconnected: count, complete });
}

function shownChannel({ channel, subscriptions, users }: ChannelSummary): Readonly<Record<string, unknown>> {
  return { channel, subscriptions, ...(users === null ? {} : { users }) };
}

function json(value: unknown): HttpAnswer {
  return { status: 200, headers: HEADERS, body: JSON.stringify(value) };
}

function refusalAnswer({ code, message }: Refusal): HttpAnswer {
  return problem(code, message);
}
