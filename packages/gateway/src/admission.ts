import { type BlockStore, countBy, type NodeCounters } from "@carillon/core";
import { type Refusal, refuse } from "@carillon/protocol";
import { problem, type UpgradeDecision, type UpgradeRequest } from "@carillon/service";
import type { OverloadReason } from "./overload.ts";
import type { Protocol, ProtocolServices } from "./protocol.ts";

/** What Admission looks at. */
export interface AdmissionOptions {
  readonly counters: NodeCounters;
  /** Absent: nobody can be blocked. */
  readonly blocks?: BlockStore;
  /** In the order in which they are asked whether an upgrade is theirs. */
  readonly protocols: readonly Protocol[];
  readonly hasRoom: () => boolean;
  /** What the gateway has too much of; null: of nothing. */
  readonly overload: () => OverloadReason | null;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly services: () => ProtocolServices;
}

/** How long who is turned away is asked to wait: up to so many seconds, each another time, or they would return as one wave. */
const RETRY_AFTER_SECONDS = { draining: 3, other: 10 } as const;

const DRAINING = refuse("draining", "this node is shutting down: connect again, to another one");
const FULL = refuse("overloaded", "this node holds as many connections as it may: try again");
const OVERLOADED: Readonly<Record<OverloadReason, Refusal>> = {
  files: refuse("overloaded", "this node has as many files open as it may: try again"),
  memory: refuse("overloaded", "this node uses as much memory as it may: try again"),
  lag: refuse("overloaded", "this node has more to do than it can: try again"),
};
const BLOCKS = refuse("blocks_unavailable", "this node does not know yet who is blocked: try again, or another one");

/** How refused connections are counted. */
const REASONS = new Map([
  [DRAINING, "draining"],
  [FULL, "capacity"],
  [OVERLOADED.files, "files"],
  [OVERLOADED.memory, "memory"],
  [OVERLOADED.lag, "lag"],
  [BLOCKS, "blocks"],
]);

/** Decides which connections a gateway takes in. */
export class Admission {
  readonly #options: AdmissionOptions;
  #isDraining = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Whether the gateway has begun to drain. */
  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** From now on nobody is taken in. */
  beginDraining(): void {
    this.#isDraining = true;
  }

  /** Why nobody is taken in at the moment, and counts it; null: there is no reason. */
  unavailable(): Refusal | null {
    const refusal = this.#reason();
    if (refusal !== null) countBy(this.#options.counters.upgradesRefused, String(REASONS.get(refusal)));
    return refusal;
  }

  /** True while connections are taken in. */
  get isOpen(): boolean {
    return this.#reason() === null;
  }

  /** After how many seconds to come back, for somebody who is turned away now. */
  retryAfterSeconds(): number {
    const upTo = this.#isDraining ? RETRY_AFTER_SECONDS.draining : RETRY_AFTER_SECONDS.other;
    return 1 + Math.floor(this.#options.random() * upTo);
  }

  /** Decides on a WebSocket. */
  decide(request: UpgradeRequest): UpgradeDecision {
    const { counters, protocols, services } = this.#options;
    const refusal = this.unavailable();
    if (refusal !== null) {
      const answer = problem(refusal.code, refusal.message, { "retry-after": String(this.retryAfterSeconds()) });
      return { kind: "refuse", answer };
    }
    const protocol = protocols.find((each) => each.matches(request));
    if (protocol !== undefined) return protocol.accept(request, services());
    countBy(counters.upgradesRefused, "path");
    const detail = "no WebSocket is served here: /ws is the native protocol's, /app/KEY that of Pusher clients";
    return { kind: "refuse", answer: problem("not_found", detail) };
  }

  #reason(): Refusal | null {
    if (this.#isDraining) return DRAINING;
    if (!this.#options.hasRoom()) return FULL;
    const overload = this.#options.overload();
    if (overload !== null) return OVERLOADED[overload];
    return this.#options.blocks?.status === "loading" ? BLOCKS : null;
  }
}
