import type { AppRegistry, ChannelRules, Clock, ClusterControl, HistoryStore } from "@carillon/core";
import { MAX_USER_ID_LENGTH, refuse } from "@carillon/protocol";
import type { HttpAnswer, HttpRequest } from "@carillon/service";
import type { EventSender } from "../event-sender.ts";
import type { PublishBudgets } from "../publish-budgets.ts";
import { answerAbout, answerRefusal } from "./pusher-answer.ts";
import { type PusherCall, PusherCalls } from "./pusher-call.ts";
import { PusherEvents } from "./pusher-events.ts";
import { PusherQueries } from "./pusher-queries.ts";

/** What a PusherApi stands on. */
export interface PusherApiOptions {
  readonly apps: AppRegistry;
  readonly control: ClusterControl;
  readonly history: HistoryStore;
  readonly rules: ChannelRules;
  readonly clock: Clock;
  readonly sender: EventSender;
  readonly budgets: PublishBudgets;
  /** Longest request body, in bytes. */
  readonly maxBodyBytes: number;
  /** True: calls may be parts of traces. */
  readonly isTraced: boolean;
}

/** An address of Pusher's HTTP API. */
export interface PusherRoute {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly answer: (api: PusherApi, call: PusherCall) => Promise<HttpAnswer>;
}

/** Whatever is below it is Pusher's HTTP API. */
export const PUSHER_PREFIX = "/apps/";

/** Every address of Pusher's HTTP API, the older ones that are still documented included. */
export const PUSHER_ROUTES: readonly PusherRoute[] = [
  { method: "POST", path: "/apps/:id/events", answer: ({ events }, call) => events.trigger(call) },
  { method: "POST", path: "/apps/:id/batch_events", answer: ({ events }, call) => events.batch(call) },
  { method: "GET", path: "/apps/:id/channels", answer: ({ queries }, call) => queries.channels(call) },
  { method: "GET", path: "/apps/:id/channels/:name", answer: ({ queries }, call) => queries.channel(call) },
  { method: "GET", path: "/apps/:id/channels/:name/users", answer: ({ queries }, call) => queries.users(call) },
  {
    method: "POST",
    path: "/apps/:id/users/:user/terminate_connections",
    answer: (api, call) => api.terminate(call),
  },
  // Where the SDK for Python (3.3.4) looks for it.
  { method: "POST", path: "/users/:user/terminate_connections", answer: (api, call) => api.terminate(call) },
  {
    method: "POST",
    path: "/apps/:id/channels/:name/events",
    answer: ({ events }, call) => events.triggerOnChannel(call),
  },
  { method: "GET", path: "/apps/:id/channels/:name/stats", answer: ({ queries }, call) => queries.stats(call) },
];

/**
 * Pusher's HTTP API, for its server SDKs as they are. Refusals are `{"error": TEXT}` with the status that the SDKs know; they
 * make it an exception.
 */
export class PusherApi {
  readonly events: PusherEvents;
  readonly queries: PusherQueries;
  readonly #calls: PusherCalls;
  readonly #control: ClusterControl;

  constructor(options: PusherApiOptions) {
    this.#calls = new PusherCalls(options);
    this.#control = options.control;
    this.events = new PusherEvents(options);
    this.queries = new PusherQueries(options);
  }

  /** Answers a call. Refusals are answers; only bugs reject. */
  async answer(request: HttpRequest, route: PusherRoute): Promise<HttpAnswer> {
    const call = await this.#calls.take(request, route.path);
    return call.ok ? route.answer(this, call.value) : answerRefusal(call);
  }

  /** `POST /apps/:id/users/:user/terminate_connections`: ends the connections that are signed in as the user. */
  async terminate({ app, names: [user = ""] }: PusherCall): Promise<HttpAnswer> {
    if (user === "" || user.length > MAX_USER_ID_LENGTH) {
      const rule = `a user id has 1 to ${MAX_USER_ID_LENGTH} characters`;
      return answerRefusal(refuse("invalid_field", `the path names no user: ${rule}`));
    }
    const { isComplete } = await this.#control.disconnect(app.id, { kind: "signed-in", id: user });
    return answerAbout({}, isComplete);
  }
}
