import type { Cluster } from "@carillon/core";
import { type Result, refuse } from "@carillon/protocol";
import type { Batch } from "./batch.ts";
import { ownerOf } from "./http-connections.ts";
import { decodeBatch, decodeOutcome, encodePoll, encodeSend } from "./session-wire.ts";
import type { PollCall, SendCall, Sessions } from "./sessions.ts";

/** Kinds of what gateways ask and tell each other about sessions. */
export const SESSION_KINDS = { poll: "session.poll", send: "session.send", abandon: "session.abandon" } as const;

/** What RemoteSessions stands on. */
export interface RemoteSessionsOptions {
  readonly cluster: Cluster;
  /** Calls that may be under way to other gateways at a time. */
  readonly maxRelayed: number;
}

/** How long an owner has to answer what it can answer at once, in ms. */
const ANSWER_WITHIN_MS = 4000;

/** How long a process that can't know who lives waits to know it, in ms. */
const SETTLE_WITHIN_MS = 1000;

const GONE = refuse(
  "session_gone",
  "the gateway that held the session is gone, and the session with it: begin a new one",
);
const AWAY = refuse(
  "bus_unavailable",
  "the gateway that holds the session can't be reached at the moment: repeat the call",
);
const SILENT = refuse("overloaded", "the gateway that holds the session did not answer in time: repeat the call");
const FULL = refuse("overloaded", "this gateway relays as many calls as it may: repeat the call");

/** The sessions that other gateways own: each call is brought to its owner, who does what it would do itself. */
export class RemoteSessions implements Sessions {
  readonly #options: RemoteSessionsOptions;
  #relayed = 0;

  constructor(options: RemoteSessionsOptions) {
    this.#options = options;
  }

  /** Calls that are under way to other gateways. */
  get relayed(): number {
    return this.#relayed;
  }

  async poll(call: PollCall): Promise<Result<Batch>> {
    const timeoutMs = call.waitMs + ANSWER_WITHIN_MS;
    const parts = await this.#ask(call.sessionId, { kind: SESSION_KINDS.poll, body: encodePoll(call), timeoutMs });
    return parts.ok ? (decodeBatch(parts.value) ?? GONE) : parts;
  }

  async send(call: SendCall): Promise<Result<void>> {
    const question = { kind: SESSION_KINDS.send, body: encodeSend(call), timeoutMs: ANSWER_WITHIN_MS };
    const parts = await this.#ask(call.sessionId, question);
    if (!parts.ok) return parts;
    const outcome = decodeOutcome(parts.value) ?? GONE;
    return outcome.ok ? { ok: true, value: undefined } : outcome;
  }

  abandon(sessionId: string, ticket: string): void {
    const owner = ownerOf(sessionId);
    if (owner !== null) this.#options.cluster.tell(SESSION_KINDS.abandon, [sessionId, ticket], owner);
  }

  async #ask(
    sessionId: string,
    { kind, body, timeoutMs }: { readonly kind: string; readonly body: unknown; readonly timeoutMs: number },
  ): Promise<Result<readonly unknown[]>> {
    const { cluster, maxRelayed } = this.#options;
    const owner = ownerOf(sessionId);
    if (owner === null) return GONE;
    if (this.#relayed >= maxRelayed) return FULL;
    this.#relayed++;
    try {
      if (!this.#knows(owner)) {
        await cluster.whenSettled(SETTLE_WITHIN_MS);
        if (!this.#knows(owner)) return cluster.isSettled ? GONE : AWAY;
      }
      // What gets lost while this gateway is cut off would be waited for longer than the owner keeps the session.
      const { answers } = await cluster.ask(kind, body, { nodeId: owner, timeoutMs, endsWithLink: true });
      const [answer] = answers;
      if (answer !== undefined) return { ok: true, value: answer.parts };
      if (!cluster.isSettled) return AWAY;
      return this.#knows(owner) ? SILENT : GONE;
    } finally {
      this.#relayed--;
    }
  }

  #knows(nodeId: string): boolean {
    return this.#options.cluster.nodes.some(({ id, isGateway }) => isGateway && id === nodeId);
  }
}
