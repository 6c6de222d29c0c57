import {
  type App,
  type AppSettings,
  type Authorizer,
  type ChannelProof,
  type Codec,
  type ConnectionGrant,
  createNodeCounters,
  MemoryBackbone,
  MemoryBlockStore,
  MemoryBus,
  Node,
  type PresenceChange,
  type Session,
  type SessionOwner,
  type UserProof,
} from "@carillon/core";
import { type CloseCodeName, type Envelope, encodeEnvelope, type Result, refuse } from "@carillon/protocol";
import { FakeClock } from "@carillon/testkit";
import { GatedBus } from "./gated-bus.ts";
import { RecordingTopics, RecordingTransport } from "./recording-topics.ts";

/** When the tests' clocks begin: not at zero, so that a forgotten start shows. */
export const START_MS = 1_767_225_600_000;

type Changes = Partial<Omit<AppSettings, "limits" | "token" | "clientEvents">> & {
  readonly limits?: Partial<AppSettings["limits"]>;
  readonly token?: Partial<AppSettings["token"]>;
  readonly clientEvents?: Partial<AppSettings["clientEvents"]>;
};

/** An app without limits that allows little; change what the test is about. */
export function createApp(changes: Changes = {}): App & { settings: AppSettings } {
  const { limits, token, clientEvents, ...more } = changes;
  const settings: AppSettings = {
    id: "1001",
    key: "key",
    secrets: ["secret"],
    publishSecret: null,
    enabled: true,
    allowedOrigins: ["*"],
    webhooks: [],
    clientEvents: { enabled: false, perSecond: 0, ...clientEvents },
    userAuthentication: true,
    watchlist: true,
    subscriptionCount: false,
    token: { isRequired: false, publicKeys: [], jwksUrl: null, issuer: null, audience: null, ...token },
    limits: {
      connections: 0,
      connectionsPerUser: 0,
      presenceMembers: 0,
      messageBytes: 0,
      batchEvents: 0,
      channelsPerPublish: 0,
      channelsPerConnection: 0,
      commandsPerSecond: 0,
      publishesPerSecond: 0,
      historyBytes: 0,
      blocks: 100,
      ...limits,
    },
    ...more,
  };
  return { id: settings.id, settings };
}

/** A codec that writes `name event payload`, and counts. */
export class CountingCodec implements Codec {
  readonly name: string;
  readonly isBinary = false;
  isConfirming = true;
  encodings = 0;
  isBroken = false;

  constructor(name: string) {
    this.name = name;
  }

  encodeGap(channel: string): Uint8Array {
    return new TextEncoder().encode(`${this.name} ${channel} gap`);
  }

  encodePresence(channel: string, { joined, left, count }: PresenceChange): readonly Uint8Array[] {
    const told = [...joined.map(({ id }) => `+${id}`), ...left.map((id) => `-${id}`), count].join(" ");
    return [new TextEncoder().encode(`${this.name} ${channel} ${told}`)];
  }

  encodeSubscriberCount(channel: string, count: number): Uint8Array {
    return new TextEncoder().encode(`${this.name} ${channel} count ${count}`);
  }

  encodePublication(channel: string, publication: Envelope): Uint8Array {
    this.encodings++;
    if (this.isBroken) throw new RangeError("nested too deeply");
    const payload = new TextDecoder().decode(publication.payload);
    return new TextEncoder().encode(`${this.name} ${channel} ${publication.event} ${payload}`);
  }
}

/** Knows the tokens that a test has told it. */
export class TestAuthorizer implements Authorizer {
  readonly proofs: ChannelProof[] = [];
  readonly #tokens = new Map<string, Result<ConnectionGrant> | Promise<Result<ConnectionGrant>>>();

  /** The token that fits a connection, channel and data. */
  tokenFor(connectionId: string, channel: string, data?: string): string {
    return `fits ${JSON.stringify([connectionId, channel, data])}`;
  }

  /** The user token that fits a connection and data. */
  userTokenFor(connectionId: string, data: string): string {
    return `user ${JSON.stringify([connectionId, data])}`;
  }

  knowToken(token: string, grant: Partial<ConnectionGrant>): void {
    const value = {
      userId: "user-1",
      tokenId: null,
      userInfo: null,
      capabilities: {},
      expiresAtMs: START_MS + 3_600_000,
      ...grant,
    };
    this.#tokens.set(token, { ok: true, value });
  }

  knowAnswer(token: string, answer: Result<ConnectionGrant> | Promise<Result<ConnectionGrant>>): void {
    this.#tokens.set(token, answer);
  }

  verifyChannelToken(_app: App, proof: ChannelProof): boolean {
    this.proofs.push(proof);
    return proof.token === this.tokenFor(proof.connectionId, proof.channel, proof.data);
  }

  verifyUserToken(_app: App, { connectionId, token, data }: UserProof): boolean {
    return token === this.userTokenFor(connectionId, data);
  }

  async verifyConnectionToken(_app: App, token: string): Promise<Result<ConnectionGrant>> {
    return this.#tokens.get(token) ?? refuse("token_invalid", "this token is not known");
  }
}

/** One client as the node sees it, and what it got. */
export interface TestConnection {
  readonly session: Session;
  readonly transport: RecordingTransport;
  /** Why the session was about to close, each time it said so. */
  /** Channels that a newer token took away. */
  readonly revoked: readonly string[];
  readonly closings: CloseCodeName[];
  /** Events so far. */
  readonly texts: readonly string[];
}

/** How a test node differs from the usual. */
export interface TestNodeOptions {
  readonly lingerMs?: number;
  readonly maxLingeringChannels?: number;
  readonly coalesceMs?: number;
  /** Another node of the same cluster. */
  readonly beside?: TestNode;
}

/** A whole node on a memory bus, a fake clock and recorders for its ways out. */
export class TestNode {
  readonly clock: FakeClock;
  readonly counters = createNodeCounters();
  readonly topics = new RecordingTopics();
  readonly authorizer = new TestAuthorizer();
  readonly codec = new CountingCodec("plain");
  readonly otherCodec = new CountingCodec("other");
  readonly bus: GatedBus;
  readonly failures: unknown[] = [];
  readonly node: Node;
  readonly backbone: MemoryBackbone;
  /** Who is kept out. */
  readonly blocks: MemoryBlockStore;
  #messages = 0;

  constructor(options: TestNodeOptions = {}) {
    const { beside } = options;
    this.clock = beside?.clock ?? new FakeClock(START_MS);
    this.backbone = beside?.backbone ?? new MemoryBackbone({ clock: this.clock });
    this.blocks = beside?.blocks ?? new MemoryBlockStore({ clock: this.clock });
    this.bus = new GatedBus(new MemoryBus(this.backbone));
    this.node = new Node({
      bus: this.bus,
      blocks: this.blocks,
      topics: this.topics,
      codecs: [this.codec, this.otherCodec],
      authorizer: this.authorizer,
      clock: this.clock,
      ids: {
        nodeNumber: beside === undefined ? 7 : 8,
        random: () => 0.5,
        messageId: () => `message-${++this.#messages}`,
      },
      counters: this.counters,
      lingerMs: options.lingerMs ?? 0,
      maxLingeringChannels: options.maxLingeringChannels ?? 100,
      coalesceMs: options.coalesceMs ?? 5,
      onInterestFailed: (_channel, error) => this.failures.push(error),
    });
  }

  get services(): Node["services"] {
    return this.node.services;
  }

  /** Opens a session; throws when the node refuses it. */
  connect(app: App, codec: Codec = this.codec, closeCodes?: SessionOwner["closeCodes"]): TestConnection {
    const transport = new RecordingTransport(this.topics);
    const closings: CloseCodeName[] = [];
    const revoked: string[] = [];
    const owner: SessionOwner = {
      ...(closeCodes === undefined ? {} : { closeCodes }),
      onClosing: (name) => closings.push(name),
      onRevoked: (name) => revoked.push(name),
    };
    const opened = this.node.openSession({ app, transport, codec, owner });
    if (!opened.ok) throw new Error(`refused: ${opened.close}`);
    return { session: opened.value, transport, closings, revoked, texts: transport.texts };
  }

  /** Publishes as another node would, with an envelope. */
  async publish(channel: string, more: Partial<Envelope> & { readonly appId?: string } = {}): Promise<void> {
    const { appId = "1001", ...fields } = more;
    const payload = new TextEncoder().encode("1");
    await this.bus.publish(
      { appId, channel },
      encodeEnvelope({ id: "m", timeMs: 1, exclude: "", event: "e", payload, ...fields }),
    );
  }

  /** Fails the test when the node holds on to something. */
  leftovers(): unknown {
    const { channels, connections, hub } = this.services;
    return {
      channels: channels.size,
      lingering: channels.lingering,
      connections: connections.size,
      subscriptions: hub.subscriptions,
      topics: this.topics.topics,
      held: this.bus.held.size,
    };
  }
}

/** What {@link TestNode.leftovers} says of a node that holds nothing. */
export const NOTHING = { channels: 0, lingering: 0, connections: 0, subscriptions: 0, topics: [], held: 0 };

/** Lets every promise that can settle now do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
