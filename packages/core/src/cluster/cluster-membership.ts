import type { Bus } from "../ports/bus.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { ClusterLink } from "../ports/cluster-link.ts";
import type { AskOptions, Cluster, ClusterAnswers, ClusterHandler, ClusterNode, Departure } from "./cluster.ts";
import { type ClusterCounters, createClusterCounters } from "./cluster-counters.ts";
import { type ClusterMessage, decodeClusterMessage, encodeClusterMessage } from "./cluster-message.ts";
import { BEAT_MS, Peers } from "./peers.ts";
import { type AnswerPart, Questions } from "./questions.ts";

/** What a ClusterMembership stands on. */
export interface ClusterMembershipOptions {
  readonly link: ClusterLink;
  /** Tells when the link reaches nobody. */
  readonly bus: Pick<Bus, "status" | "onStatus">;
  readonly clock: Clock;
  /** This process; 1 to 32 characters of `A-Z a-z 0-9 _ -`, drawn anew at each start. */
  readonly nodeId: string;
  readonly isGateway: boolean;
  /** Connections of each app here, asked at each beat. */
  readonly connectionsByApp: () => ReadonlyMap<string, number>;
  /** Whether this process takes new connections, asked at each beat. Absent: it takes none. */
  readonly isAccepting?: () => boolean;
  /** Reports a bug: a handler failed, or answered more than fits a message. */
  readonly onBug: (error: unknown) => void;
}

/** How long others have to answer a hello before this process takes who it knows for all there are, in ms. */
const SETTLE_MS = 300;

/** A beat that comes so late shows that this process stood still: what it didn't hear meanwhile proves nothing. */
const FROZEN_MS = 2 * BEAT_MS;

const DEFAULT_ASK_MS = 500;

/** Most parts of answers that wait for the link to be back; those beyond are not sent. */
const MAX_UNSENT = 10_000;

function nodeOf({ from: id, isGateway, isAccepting, connections }: ClusterMessage & { type: "beat" }): ClusterNode {
  return { id, isGateway, isAccepting, connectionsByApp: new Map(connections) };
}

/** The {@link Cluster} by heartbeats: each process says every second that it lives, and what others want to know of it. */
export class ClusterMembership implements Cluster {
  readonly nodeId: string;
  readonly counters: ClusterCounters = createClusterCounters();
  readonly #options: ClusterMembershipOptions;
  readonly #peers: Peers;
  readonly #questions: Questions;
  readonly #handlers = new Map<string, ClusterHandler>();
  readonly #onAppeared = new Set<(node: ClusterNode, wasLost: boolean) => void>();
  readonly #onGone = new Set<(node: ClusterNode, departure: Departure) => void>();
  readonly #waitingToSettle = new Set<() => void>();
  #isSettled = false;
  #settling: Timer | null = null;
  #beating: Timer | null = null;
  #beatAtMs = 0;
  #stopWatching: () => void = () => undefined;
  #isLeaving = false;
  /** Parts of answers that were ready while the link was away: whoever asked still waits. */
  #unsent: { readonly nodeId: string; readonly bytes: Uint8Array }[] = [];

  constructor(options: ClusterMembershipOptions) {
    this.#options = options;
    this.nodeId = options.nodeId;
    this.#questions = new Questions(options.clock);
    this.#peers = new Peers({
      onAppeared: (node, wasLost) => {
        for (const listener of this.#onAppeared) listener(node, wasLost);
      },
      onGone: (node, departure) => {
        this.#questions.giveUpOn(node.id);
        for (const listener of this.#onGone) listener(node, departure);
      },
    });
  }

  /** Begins to listen and to beat. All handlers must be there. Rejects with BusUnavailableError. */
  async start(): Promise<void> {
    const { link, bus, clock } = this.#options;
    await link.open(this.nodeId, (message) => this.#receive(message));
    this.#stopWatching = bus.onStatus((status) => {
      if (status === "connected") this.#onLinkBack();
      else this.#onLinkLost();
    });
    this.#beatAtMs = clock.monotonic();
    this.#beating = clock.every(BEAT_MS, () => this.#onBeat());
    if (bus.status === "connected") this.#greet();
  }

  /** Says goodbye: the others don't wait for this process any more. It still answers and asks. Idempotent. */
  leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#broadcast({ type: "goodbye", from: this.nodeId });
  }

  /** Says goodbye and lets go of everything. */
  close(): void {
    this.leave();
    this.#stopWatching();
    this.#beating?.cancel();
    this.#settling?.cancel();
    this.#questions.close();
    this.#unsent = [];
    this.#settle();
    this.#options.link.close();
  }

  get maxMessageBytes(): number {
    return this.#options.link.maxMessageBytes;
  }

  get nodes(): readonly ClusterNode[] {
    return this.#peers.nodes;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  whenSettled(timeoutMs: number): Promise<void> {
    if (this.#isSettled) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waitingToSettle.delete(done);
        timer.cancel();
        resolve();
      };
      const timer = this.#options.clock.after(timeoutMs, done);
      this.#waitingToSettle.add(done);
    });
  }

  connectionsElsewhere(appId: string): number {
    let sum = 0;
    for (const { connectionsByApp } of this.#peers.nodes) sum += connectionsByApp.get(appId) ?? 0;
    return sum;
  }

  connectionsOf(appId: string): number {
    return this.connectionsElsewhere(appId) + (this.#options.connectionsByApp().get(appId) ?? 0);
  }

  handle(kind: string, handler: ClusterHandler): void {
    this.#handlers.set(kind, handler);
  }

  tell(kind: string, body: unknown, nodeId?: string): void {
    const message: ClusterMessage = { type: "tell", from: this.nodeId, kind, body };
    if (nodeId === undefined) this.#broadcast(message);
    else this.#send(nodeId, message);
  }

  async ask(kind: string, body: unknown, options: AskOptions = {}): Promise<ClusterAnswers> {
    const { timeoutMs = DEFAULT_ASK_MS, nodeId, endsWithLink = false } = options;
    const gateways = this.#peers.nodes.filter(({ isGateway }) => isGateway).map(({ id }) => id);
    const others = nodeId === undefined ? gateways : [nodeId].filter((id) => id !== this.nodeId);
    const isSelfAsked = nodeId === undefined ? this.#options.isGateway : nodeId === this.nodeId;
    this.counters.questions++;
    if (endsWithLink && this.#options.bus.status !== "connected") return { answers: [], missing: others };
    const asked = isSelfAsked ? [...others, this.nodeId] : others;
    const result = await this.#questions.ask(asked, { timeoutMs, endsWithLink }, (question) => {
      const message: ClusterMessage = { type: "question", from: this.nodeId, question, kind, body };
      if (nodeId === undefined && others.length > 0) this.#broadcast(message);
      else for (const id of others) this.#send(id, message);
      // As msgpack would bring it: what is asked here and there is the same.
      if (isSelfAsked) void this.#answer(message, (part) => this.#questions.take(part));
    });
    if (result.missing.length > 0) this.counters.questionsIncomplete++;
    return result;
  }

  onAppeared(listener: (node: ClusterNode, wasLost: boolean) => void): () => void {
    this.#onAppeared.add(listener);
    return () => this.#onAppeared.delete(listener);
  }

  onGone(listener: (node: ClusterNode, departure: Departure) => void): () => void {
    this.#onGone.add(listener);
    return () => this.#onGone.delete(listener);
  }

  #onBeat(): void {
    const nowMs = this.#options.clock.monotonic();
    const isLate = nowMs - this.#beatAtMs > FROZEN_MS + BEAT_MS;
    this.#beatAtMs = nowMs;
    if (this.#options.bus.status !== "connected") return;
    if (isLate) this.#greet();
    else this.#beat(false);
    if (this.#isSettled) this.counters.nodesLost += this.#peers.sweep(nowMs);
  }

  #onLinkLost(): void {
    this.#unsettle();
    this.#questions.linkLost();
  }

  #onLinkBack(): void {
    this.#greet();
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const { nodeId, bytes } of unsent) this.#options.link.send(nodeId, bytes);
  }

  /** After a time in which nothing could be heard, or at the start: asks who is there. */
  #greet(): void {
    this.#unsettle();
    this.#peers.forgive(this.#options.clock.monotonic());
    this.#beat(true);
    this.#settling = this.#options.clock.after(SETTLE_MS, () => this.#settle());
  }

  #unsettle(): void {
    this.#settling?.cancel();
    this.#settling = null;
    this.#isSettled = false;
  }

  #settle(): void {
    this.#isSettled = true;
    for (const done of [...this.#waitingToSettle]) done();
  }

  #beat(wantsReply: boolean, nodeId?: string): void {
    if (this.#isLeaving) return;
    const { isGateway, connectionsByApp } = this.#options;
    const connections = [...connectionsByApp()].filter(([, count]) => count > 0);
    const isAccepting = this.#options.isAccepting?.() ?? false;
    const message: ClusterMessage = {
      type: "beat",
      from: this.nodeId,
      isGateway,
      wantsReply,
      connections,
      isAccepting,
    };
    if (nodeId === undefined) this.#broadcast(message);
    else this.#send(nodeId, message);
  }

  #receive(bytes: Uint8Array): void {
    const message = decodeClusterMessage(bytes);
    if (message === null) {
      this.counters.messagesUnreadable++;
      return;
    }
    if (message.from === this.nodeId) return;
    switch (message.type) {
      case "beat":
        this.#peers.heard(nodeOf(message), this.#options.clock.monotonic());
        if (message.wantsReply) this.#beat(false, message.from);
        break;
      case "goodbye":
        this.#peers.left(message.from, this.#options.clock.monotonic());
        break;
      case "tell":
        void this.#run(message.kind, message.from, message.body).catch(this.#options.onBug);
        break;
      case "question":
        void this.#answer(message, (part) => this.#reply(message.from, { type: "answer", ...part }));
        break;
      case "answer":
        this.#questions.take(message);
        break;
    }
  }

  /** Answers a question part by part. Never rejects. */
  async #answer(asked: ClusterMessage & { type: "question" }, write: (part: AnswerPart) => void): Promise<void> {
    const base = { from: this.nodeId, question: asked.question, hasPart: false, part: null };
    try {
      const parts = (await this.#run(asked.kind, asked.from, asked.body)) ?? [];
      for (const part of parts) write({ ...base, isLast: false, isFailed: false, hasPart: true, part });
      write({ ...base, isLast: true, isFailed: false });
    } catch (error) {
      this.#options.onBug(error);
      write({ ...base, isLast: true, isFailed: true });
    }
  }

  async #run(kind: string, from: string, body: unknown): Promise<readonly unknown[] | undefined> {
    return this.#handlers.get(kind)?.(from, body);
  }

  #broadcast(message: ClusterMessage): void {
    const bytes = encodeClusterMessage(message);
    this.#assertFits(bytes, message);
    this.#options.link.broadcast(bytes);
  }

  #send(nodeId: string, message: ClusterMessage): void {
    const bytes = encodeClusterMessage(message);
    this.#assertFits(bytes, message);
    this.#options.link.send(nodeId, bytes);
  }

  #reply(nodeId: string, message: ClusterMessage): void {
    const bytes = encodeClusterMessage(message);
    this.#assertFits(bytes, message);
    if (this.#options.bus.status === "connected") this.#options.link.send(nodeId, bytes);
    else if (this.#unsent.length < MAX_UNSENT) this.#unsent.push({ nodeId, bytes });
  }

  #assertFits(bytes: Uint8Array, { type }: ClusterMessage): void {
    const { maxMessageBytes } = this.#options.link;
    if (bytes.length <= maxMessageBytes) return;
    throw new RangeError(
      `a cluster ${type} has ${bytes.length} bytes, the link takes ${maxMessageBytes}: send it in parts`,
    );
  }
}
