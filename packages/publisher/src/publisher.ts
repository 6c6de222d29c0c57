import type {
  AppRegistry,
  BlockControl,
  Bus,
  ChannelRules,
  Clock,
  ClusterControl,
  HistoryStore,
  IdSource,
  Instruments,
  PublishTracer,
} from "@carillon/core";
import { type Refusal, refuse } from "@carillon/protocol";
import {
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type Logger,
  type PublicServer,
  problem,
} from "@carillon/service";
import { BLOCK_ROUTES, BlockHandler } from "./block-handler.ts";
import { CallerCheck } from "./caller-check.ts";
import { CONTROL_ROUTES, ControlHandler } from "./control-handler.ts";
import { CREDENTIAL_HEADERS } from "./credentials.ts";
import { EventSender } from "./event-sender.ts";
import { HistoryHandler } from "./history-handler.ts";
import { PublishBudgets } from "./publish-budgets.ts";
import { PublishHandler } from "./publish-handler.ts";
import { HISTORY_ROUTE, PUBLISH_HEADERS, PUBLISH_ROUTES } from "./publish-routes.ts";
import { PublisherCounters } from "./publisher-counters.ts";
import { answerRefusal } from "./pusher/pusher-answer.ts";
import { PUSHER_PREFIX, PUSHER_ROUTES, PusherApi } from "./pusher/pusher-api.ts";
import { PUSHER_HEADERS } from "./pusher/pusher-call.ts";
import { TRACE_HEADERS } from "./trace-headers.ts";

/** The limits of a publisher. */
export interface PublisherSettings {
  /** Longest request body, in bytes. Longer ones get 413. */
  readonly maxBodyBytes: number;
}

/** What a publisher stands on. */
export interface PublisherOptions extends Instruments {
  /** Must not listen yet: the routes are added here. */
  readonly server: PublicServer;
  readonly bus: Bus;
  readonly history: HistoryStore;
  /** Which channels keep a history. */
  readonly rules: ChannelRules;
  /** Asks the gateways, and ends connections on them. */
  readonly control: ClusterControl;
  /** Keeps users and tokens out of all gateways. */
  readonly blocks: BlockControl;
  readonly apps: AppRegistry;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Records publishes. Absent: nothing is traced, and the headers of calls are not looked at for it. */
  readonly publishTracer?: PublishTracer;
  readonly log: Logger;
  readonly settings: PublisherSettings;
}

/** `leaving`: serves, and asks callers to connect elsewhere. `draining`: refuses. */
type Phase = "serving" | "leaving" | "draining";

type Answering = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

const DRAINING = refuse("draining", "this publisher is shutting down: send it again, over a new connection");

/** How often a drain looks whether everything is answered. */
const DRAIN_POLL_MS = 5;

/**
 * The publish API: takes events over HTTP and answers once the bus has them. It holds no state but budgets and counters, so
 * any number of publishers may stand side by side. docs/http-api.md is its reference.
 *
 * @example
 * const publisher = new Publisher({
 *   server, bus, history, rules, control, blocks, apps, clock, ids, counters, log, settings: { maxBodyBytes: 65_536 },
 * });
 * await server.listen({ host: "127.0.0.1", port: 8081 });
 */
export class Publisher {
  /** What it counts about its calls, for the metrics endpoint. */
  readonly counters = new PublisherCounters();
  readonly #options: PublisherOptions;
  #phase: Phase = "serving";

  constructor(options: PublisherOptions) {
    const { apps, clock, control, history, rules, server, settings } = options;
    this.#options = options;
    const callers = new CallerCheck({ apps, clock });
    const { maxBodyBytes } = settings;
    const sender = new EventSender(options);
    const budgets = new PublishBudgets(clock);
    const isTraced = options.publishTracer !== undefined;
    const traceHeaders = isTraced ? TRACE_HEADERS : [];
    const publishing = new PublishHandler({ callers, budgets, control, sender, maxBodyBytes, isTraced });
    for (const route of PUBLISH_ROUTES) {
      const { method, path } = route;
      const handle = this.#counted((request) => publishing.answer(request, route));
      server.route({ method, path, headers: [...PUBLISH_HEADERS, ...traceHeaders], handle });
    }
    const histories = new HistoryHandler({ callers, history, rules });
    const handle = this.#counted((request) => histories.answer(request));
    server.route({ ...HISTORY_ROUTE, headers: CREDENTIAL_HEADERS, handle });
    const blocking = new BlockHandler({ callers, blocks: options.blocks, log: options.log });
    for (const route of BLOCK_ROUTES) {
      const { method, path } = route;
      const answer = this.#counted((request) => blocking.answer(request, route));
      server.route({ method, path, headers: [...CREDENTIAL_HEADERS, "content-type"], handle: answer });
    }
    const controlling = new ControlHandler({ callers, control, log: options.log });
    for (const route of CONTROL_ROUTES) {
      const { method, path } = route;
      const answer = this.#counted((request) => controlling.answer(request, route));
      server.route({ method, path, headers: [...CREDENTIAL_HEADERS, "content-type"], handle: answer });
    }
    const pusher = new PusherApi({ apps, control, history, rules, clock, sender, budgets, maxBodyBytes, isTraced });
    for (const route of PUSHER_ROUTES) {
      const { method, path } = route;
      const answer = this.#counted((request) => pusher.answer(request, route), answerRefusal);
      server.route({ method, path, headers: [...PUSHER_HEADERS, ...traceHeaders], handle: answer });
    }
    server.refuseUnder(PUSHER_PREFIX, answerRefusal);
  }

  /** True once {@link drain} was called: calls are refused. */
  get isDraining(): boolean {
    return this.#phase === "draining";
  }

  /**
   * From now on each answer closes its connection, so that keep-alive callers connect anew, elsewhere; calls are still
   * served. For the time in which the process is not ready any more and load balancers come to notice. Idempotent.
   */
  leave(): void {
    if (this.#phase === "serving") this.#phase = "leaving";
  }

  /**
   * Accepts no more connections, refuses further calls with 503 and waits until those in flight are answered, or `limitMs`
   * have passed. Resolves with how many are unanswered then: 0 when all is well. The server is closed by whoever made it.
   */
  async drain(limitMs: number): Promise<number> {
    this.#phase = "draining";
    const { clock, log, server } = this.#options;
    server.stopListening();
    const deadlineMs = clock.monotonic() + limitMs;
    do {
      // At least once: the last answer is written just after its call stopped being in flight.
      await new Promise<void>((resolve) => void clock.after(DRAIN_POLL_MS, resolve));
    } while (this.counters.inFlight > 0 && clock.monotonic() < deadlineMs);
    const unanswered = this.counters.inFlight;
    if (unanswered > 0) log.warn("publishes_unanswered", { count: unanswered, limitMs });
    return unanswered;
  }

  /** `refused`: the form in which refusals are answered. */
  #counted(answerOf: Answering, refused: (refusal: Refusal) => HttpAnswer = answerProblem): HttpHandler {
    return (request) => this.#handle(request, this.isDraining ? () => refused(DRAINING) : answerOf);
  }

  #handle(request: HttpRequest, answerOf: Answering): HttpAnswer | Promise<HttpAnswer> {
    const startedMs = this.#options.clock.monotonic();
    this.counters.begin();
    let answer: HttpAnswer | Promise<HttpAnswer>;
    try {
      answer = answerOf(request);
    } catch (error) {
      return this.#failed(startedMs, error);
    }
    if ("status" in answer) return this.#answered(startedMs, answer);
    return answer.then(
      (each) => this.#answered(startedMs, each),
      (error: unknown) => this.#failed(startedMs, error),
    );
  }

  #answered(startedMs: number, answer: HttpAnswer): HttpAnswer {
    this.counters.end(answer.status, this.#options.clock.monotonic() - startedMs);
    return this.#phase === "serving" ? answer : { ...answer, closesConnection: true };
  }

  #failed(startedMs: number, error: unknown): never {
    this.counters.end(500, this.#options.clock.monotonic() - startedMs);
    throw error;
  }
}

function answerProblem({ code, message }: Refusal): HttpAnswer {
  return problem(code, message, { "retry-after": "1" });
}
