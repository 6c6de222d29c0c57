import { type BlockStore, countBy, type NodeCounters } from "@carillon/core";
import { type Refusal, refuse } from "@carillon/protocol";
import { problem, type UpgradeDecision, type UpgradeRequest } from "@carillon/service";
import type { Protocol, ProtocolServices } from "./protocol.ts";

/** What Admission looks at. */
export interface AdmissionOptions {
  readonly counters: NodeCounters;
  /** Absent: nobody can be blocked. */
  readonly blocks?: BlockStore;
  /** In the order in which they are asked whether an upgrade is theirs. */
  readonly protocols: readonly Protocol[];
  readonly hasRoom: () => boolean;
  readonly services: () => ProtocolServices;
}

const RETRY_AFTER_SECONDS = "2";

const DRAINING = refuse("draining", "this node is shutting down: connect again, to another one");
const FULL = refuse("overloaded", "this node holds as many connections as it may: try again");
const BLOCKS = refuse("blocks_unavailable", "this node does not know yet who is blocked: try again, or another one");

/** How refused connections are counted. */
const REASONS = new Map([
  [DRAINING, "draining"],
  [FULL, "capacity"],
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

  /** Decides on a WebSocket. */
  decide(request: UpgradeRequest): UpgradeDecision {
    const { counters, protocols, services } = this.#options;
    const refusal = this.unavailable();
    if (refusal !== null) {
      const answer = problem(refusal.code, refusal.message, { "retry-after": RETRY_AFTER_SECONDS });
      return { kind: "refuse", answer };
    }
    const protocol = protocols.find((each) => each.matches(request));
    if (protocol !== undefined) return { kind: "accept", ...protocol.accept(request, services()) };
    countBy(counters.upgradesRefused, "path");
    const detail = "no WebSocket is served here: /ws is the native protocol's, /app/KEY that of Pusher clients";
    return { kind: "refuse", answer: problem("not_found", detail) };
  }

  #reason(): Refusal | null {
    if (this.#isDraining) return DRAINING;
    if (!this.#options.hasRoom()) return FULL;
    return this.#options.blocks?.status === "loading" ? BLOCKS : null;
  }
}
