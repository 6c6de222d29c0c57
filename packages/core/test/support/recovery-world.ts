import {
  type App,
  type Bus,
  type BusReceiver,
  type BusStatus,
  type Codec,
  createNodeCounters,
  formatPosition,
  type HistoryLimits,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  HistoryUnavailableError,
  type Joined,
  MemoryBackbone,
  MemoryBus,
  MemoryHistory,
  Node,
  type NodeOptions,
  type Position,
  parsePosition,
  type Session,
  type StreamStamp,
} from "@carillon/core";
import { type Envelope, encodeEnvelope } from "@carillon/protocol";
import { FakeClock } from "@carillon/testkit";
import { RecordingTopics, RecordingTransport } from "./recording-topics.ts";
import { START_MS, TestAuthorizer } from "./test-node.ts";

const CHANNEL = "kept";
export const ADDRESS = { appId: "1001", channel: CHANNEL };
export const LIMITS = { messages: 6, maxAgeMs: 60_000 };

/** A bus that carries what was published only when it is told to, and not always well. */
export class LossyBus implements Bus {
  readonly status = "connected";
  readonly queue: {
    readonly receiver: BusReceiver;
    readonly envelope: Uint8Array;
    readonly stamp: StreamStamp | undefined;
  }[] = [];
  /** True when something was lost since `reconnect`. */
  hasLost = false;
  readonly #memory: MemoryBus;
  readonly #wrappers = new Map<BusReceiver, BusReceiver>();
  readonly #listeners = new Set<(status: BusStatus) => void>();
  readonly #doubters = new Set<(lossMs: number) => void>();

  constructor(memory: MemoryBus) {
    this.#memory = memory;
  }

  subscribe(receiver: BusReceiver): Promise<void> {
    const wrapper: BusReceiver = {
      appId: receiver.appId,
      channel: receiver.channel,
      receive: (envelope, stamp) => this.queue.push({ receiver, envelope: envelope.slice(), stamp }),
    };
    this.#wrappers.set(receiver, wrapper);
    return this.#memory.subscribe(wrapper);
  }

  unsubscribe(receiver: BusReceiver): void {
    const wrapper = this.#wrappers.get(receiver);
    if (wrapper !== undefined) this.#memory.unsubscribe(wrapper);
    this.#wrappers.delete(receiver);
  }

  carry(count: number): void {
    for (const { receiver, envelope, stamp } of this.queue.splice(0, count)) {
      if (this.#wrappers.has(receiver)) receiver.receive(envelope, stamp);
      envelope.fill(0);
    }
  }

  drop(): void {
    if (this.queue.shift() !== undefined) this.hasLost = true;
  }

  repeat(): void {
    const [first] = this.queue;
    if (first !== undefined) this.queue.push({ ...first, envelope: first.envelope.slice() });
  }

  swap(): void {
    const [first, second] = this.queue;
    if (first !== undefined && second !== undefined) this.queue.splice(0, 2, second, first);
  }

  /** Loses all that is under way, and says that it was away. */
  reconnect(): void {
    this.queue.length = 0;
    this.hasLost = false;
    for (const listener of this.#listeners) listener("connected");
  }

  /** Loses all that is under way, and says that something may be lost: its connection stood. */
  doubt(): void {
    this.hasLost ||= this.queue.length > 0;
    this.queue.length = 0;
    for (const listener of this.#doubters) listener(0);
  }

  onDoubt(listener: (lossMs: number) => void): () => void {
    this.#doubters.add(listener);
    return () => this.#doubters.delete(listener);
  }

  publish(): never {
    throw new Error("everything here has a history");
  }

  onStatus(listener: (status: BusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.#memory.close();
  }
}

/** A store whose reads wait until they are told how to end, and that can lose everything. */
export class SlowStore implements HistoryStore {
  readonly isAvailable = true;
  isInstant = false;
  reads = 0;
  headsAsked = 0;
  inner: MemoryHistory;
  readonly #waiting: { readonly finish: () => void; readonly fail: () => void }[] = [];

  constructor(inner: MemoryHistory) {
    this.inner = inner;
  }

  append(...args: Parameters<HistoryStore["append"]>): ReturnType<HistoryStore["append"]> {
    return this.inner.append(...args);
  }

  async read(address: typeof ADDRESS, query: HistoryQuery): Promise<HistoryPage> {
    this.reads++;
    // Half of the time as of the call, half of the time as of the answer: both keep the promise.
    const early = this.reads % 2 === 0 ? this.inner.read(address, query) : null;
    if (!this.isInstant) await this.#untilSettled();
    return early ?? this.inner.read(address, query);
  }

  async heads(addresses: readonly (typeof ADDRESS)[]): Promise<readonly Position[]> {
    this.headsAsked++;
    const early = this.headsAsked % 2 === 0 ? this.inner.heads(addresses) : null;
    if (!this.isInstant) await this.#untilSettled();
    return early ?? this.inner.heads(addresses);
  }

  trim(...args: Parameters<HistoryStore["trim"]>): ReturnType<HistoryStore["trim"]> {
    return this.inner.trim(...args);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  settle(outcome: "read" | "failed", index = 0): void {
    const [read] = this.#waiting.splice(index % Math.max(this.#waiting.length, 1), 1);
    if (outcome === "read") read?.finish();
    else read?.fail();
  }

  #untilSettled(): Promise<void> {
    return new Promise<void>((finish, reject) =>
      this.#waiting.push({ finish, fail: () => reject(new HistoryUnavailableError("away")) }),
    );
  }
}

/** One thing that a client got. */
export type Got =
  | {
      readonly kind: "joined";
      readonly told: Omit<Joined, "frames">;
      readonly since: string | null;
      readonly rewind: boolean;
    }
  | { readonly kind: "past" | "live"; readonly number: number; readonly position: string | null }
  | { readonly kind: "gap"; readonly position: string | null };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const codec: Codec = {
  name: "text",
  isBinary: false,
  encodePublication: (_channel, publication: Envelope, position) =>
    encoder.encode(
      JSON.stringify({ number: JSON.parse(decoder.decode(publication.payload)), position: position ?? null }),
    ),
  encodeGap: (_channel, position) => encoder.encode(JSON.stringify({ gap: true, position: position ?? null })),
  encodePresence: () => [],
  isConfirming: true,
  encodeSubscriberCount: () => null,
};

const app = {
  id: ADDRESS.appId,
  settings: {
    enabled: true,
    token: { isRequired: false },
    limits: { connections: 0, channelsPerConnection: 0, commandsPerSecond: 0, messageBytes: 0 },
  },
} as App;

/** A client that comes and goes, and remembers what it got since it last came. */
export class WorldClient {
  got: Got[] = [];
  session: Session | null = null;
  /** What it may recover from: all positions that it was ever told, the newest last. */
  readonly positions: string[] = [];
  readonly #world: RecoveryWorld;
  #transport: RecordingTransport | null = null;

  constructor(world: RecoveryWorld) {
    this.#world = world;
  }

  come(how: "recover" | "older" | "rewind" | "plain", age = 1): void {
    if (this.session !== null) return;
    this.got = [];
    const transport = new RecordingTransport(this.#world.topics);
    const owner = { onClosing: () => undefined, onRevoked: () => undefined };
    const opened = this.#world.node.openSession({ app, transport, codec, owner });
    if (!opened.ok) throw new Error(opened.close);
    const session = opened.value;
    this.session = session;
    this.#transport = transport;
    const since = how === "plain" || how === "rewind" ? null : (this.positions.at(how === "older" ? -age : -1) ?? null);
    const result = session.subscribe({
      channel: CHANNEL,
      ...(since === null ? {} : { recover: since }),
      ...(how === "rewind" ? { rewind: 3 } : {}),
    });
    const answer = (settled: Awaited<typeof result>) => {
      const joined = settled.ok ? settled.value?.join() : undefined;
      if (joined?.ok !== true) return;
      const { frames, ...told } = joined.value;
      transport.write(JSON.stringify({ told, since, rewind: how === "rewind", past: frames.length }));
      for (const frame of frames) transport.write(frame);
    };
    if (result instanceof Promise) void result.then(answer);
    else answer(result);
  }

  /** Reads what has arrived. */
  listen(): void {
    let past = 0;
    this.got = (this.#transport?.texts ?? []).map((text): Got => {
      const frame = JSON.parse(text);
      if (frame.gap) return { kind: "gap", position: frame.position };
      if (frame.told === undefined) return { kind: past-- > 0 ? "past" : "live", ...frame };
      past = frame.past;
      return { kind: "joined", told: frame.told, since: frame.since, rewind: frame.rewind };
    });
    for (const each of this.got) {
      const position = each.kind === "joined" ? textOf(each.told) : each.position;
      if (position === null) continue;
      const known = this.positions.indexOf(position);
      if (known !== -1) this.positions.splice(known, 1);
      this.positions.push(position);
    }
  }

  leave(how: "close" | "unsubscribe" = "close"): void {
    this.listen();
    if (how === "unsubscribe") this.session?.unsubscribe(CHANNEL);
    this.#transport?.terminate();
    this.session?.onClosed();
    this.session = null;
  }
}

/** A position as clients are told it. */
export function textOf({ position }: Omit<Joined, "frames">): string | null {
  return position == null ? null : formatPosition(position);
}

/** What a world may have more, or less, of. */
export interface WorldOptions extends Pick<NodeOptions, "maxPastBytes"> {
  readonly messages?: number;
}

/** A node with one channel on a lossy bus and a slow store, and clients. */
export class RecoveryWorld {
  readonly clock = new FakeClock(START_MS);
  readonly topics = new RecordingTopics();
  readonly backbone = new MemoryBackbone({ clock: this.clock });
  readonly bus = new LossyBus(new MemoryBus(this.backbone));
  readonly store = new SlowStore(this.#createHistory());
  readonly node: Node;
  readonly #limits: HistoryLimits;
  /** How many streams there were. */
  wipes = 0;
  readonly clients: readonly WorldClient[];
  /** What was published, in order. */
  readonly published: { readonly number: number; readonly position: string }[] = [];
  #lastPublishedAtMs = 0;

  /** `clients`: how many there are. `messages`: how many publications of the channel are kept. */
  constructor(clients: number, { messages = LIMITS.messages, ...bounds }: WorldOptions = {}) {
    this.#limits = { ...LIMITS, messages };
    this.node = new Node({
      bus: this.bus,
      history: this.store,
      rules: {
        ruleOf: (appId) => ({
          history: appId === ADDRESS.appId ? this.#limits : null,
          isCache: false,
          presenceListUpTo: 1000,
        }),
      },
      topics: this.topics,
      codecs: [codec],
      authorizer: new TestAuthorizer(),
      clock: this.clock,
      ids: { nodeNumber: 7, random: () => 0.5, messageId: () => "m" },
      counters: createNodeCounters(),
      lingerMs: 500,
      maxLingeringChannels: 10,
      coalesceMs: 5,
      ...bounds,
      onInterestFailed: () => undefined,
    });
    this.clients = Array.from({ length: clients }, () => new WorldClient(this));
  }

  /** True while the newest publication is still kept. */
  get isLastKept(): boolean {
    return this.clock.now() - this.#lastPublishedAtMs < LIMITS.maxAgeMs - 10_000;
  }

  async publish(): Promise<void> {
    this.#lastPublishedAtMs = this.clock.now();
    const number = this.published.length + 1;
    const payload = encoder.encode(`${number}`);
    const envelope = encodeEnvelope({ id: `m-${number}`, timeMs: this.clock.now(), exclude: "", event: "e", payload });
    const { position } = await this.store.append(ADDRESS, envelope, {
      limits: this.#limits,
      idempotencyKey: `m-${number}`,
    });
    this.published.push({ number, position: formatPosition(position) });
  }

  /** Lets offsets of the store begin elsewhere than those of the last one, by publications of another channel. */
  async fillUp(): Promise<void> {
    this.wipes++;
    const count = Math.max(400 - this.wipes * 100, 0);
    for (let index = 0; index < count; index++) {
      const options = { limits: { ...LIMITS, messages: 1 }, idempotencyKey: `filler-${index}` };
      await this.store.append({ ...ADDRESS, channel: "other" }, new Uint8Array(1), options);
    }
  }

  /** The store loses everything and begins anew. */
  async wipe(): Promise<void> {
    if (this.wipes >= 4) return;
    this.store.inner = this.#createHistory();
    await this.fillUp();
    this.bus.reconnect();
  }

  /**
   * Lets time pass. A bus brings what it has, or says what it has lost, and a store answers or fails, before a publication
   * is too old to be fetched.
   */
  async advance(ms: number): Promise<void> {
    if (ms >= LIMITS.maxAgeMs) {
      while (this.store.waiting > 0) this.store.settle("failed");
      if (this.bus.hasLost) this.bus.reconnect();
      else this.bus.carry(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.clock.advance(ms);
  }

  /** Everything that waits comes to a good end. */
  async settle(): Promise<void> {
    this.store.isInstant = true;
    for (let turn = 0; turn < 30; turn++) {
      while (this.store.waiting > 0) this.store.settle("read");
      this.bus.carry(1000);
      await new Promise((resolve) => setImmediate(resolve));
      // Far enough in the end for a store that has failed often to be asked again: that is ten seconds later.
      if (turn < 20) this.clock.advance(turn < 10 ? 200 : 1500);
    }
  }

  #createHistory(): MemoryHistory {
    return new MemoryHistory({ backbone: this.backbone, clock: this.clock, ids: { random: Math.random } });
  }
}

/** Where a position stands among what was published: how many are up to it; null when it is of another stream. */
export function countUpTo(world: RecoveryWorld, text: string): number | null {
  const position = parsePosition(text);
  let count: number | null = null;
  for (const [index, each] of world.published.entries()) {
    const other = parsePosition(each.position);
    if (position === null || other?.epoch !== position.epoch) continue;
    if (count === null) count = index;
    if (other.offset <= position.offset) count = index + 1;
  }
  return count;
}
