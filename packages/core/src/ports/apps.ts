import type { Capabilities } from "@carillon/protocol";

/** Limits of one app. 0 means no limit, for each of them but `blocks`. */
export interface AppLimits {
  /** Connections of this app in the whole cluster. Counted over nodes by heartbeats, so it may be passed by those of one second. */
  readonly connections: number;
  /**
   * Connections of one user, by the `sub` of its connection token, in the whole cluster; at most 1000. Those that come at the same
   * time may pass it for less than a second.
   */
  readonly connectionsPerUser: number;
  /** Users on one presence channel. */
  readonly presenceMembers: number;
  /** Bytes of one payload, as JSON text. */
  readonly messageBytes: number;
  /** Events in one batch publish. */
  readonly batchEvents: number;
  /** Channels in one publish. */
  readonly channelsPerPublish: number;
  /** Channels that one connection may be subscribed to. */
  readonly channelsPerConnection: number;
  /** Commands (frames) that one connection may send in a second, on average; bursts of twice that pass. */
  readonly commandsPerSecond: number;
  /** Bytes that the histories of all its channels may take together. The oldest go first, within a minute of being too many. */
  readonly historyBytes: number;
  /** Blocks of users and tokens that may be in force; at least 1. */
  readonly blocks: number;
  /** Events that may be published over HTTP in a second to one publisher process; bursts of twice that pass. */
  readonly publishesPerSecond: number;
}

/** How clients of an app may publish without a capability. */
export interface ClientEventRules {
  /** True when clients may send `client-…` events on private and presence channels they are subscribed to. */
  readonly enabled: boolean;
  /** Client events that one connection may send in a second. 0 = no limit. */
  readonly perSecond: number;
}

/** How connection tokens (JWT) of an app are checked. HS256 with the app's secrets is always accepted. */
export interface TokenRules {
  /** True when a connection must show a token before it may do anything else. */
  readonly isRequired: boolean;
  /** Public keys in PEM, for RS256 and ES256. */
  readonly publicKeys: readonly string[];
  /** Where to fetch a JSON Web Key Set, or null. */
  readonly jwksUrl: string | null;
  /** Required `iss` claim, or null for any. */
  readonly issuer: string | null;
  /** Required `aud` claim, or null for any. */
  readonly audience: string | null;
}

/** One address of the application that is told of what happens. */
export interface WebhookEndpoint {
  /** Made from the URL, so it is the same in every process and over restarts: 16 of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  /** http or https. */
  readonly url: string;
  /** Names of the events that it is told of; `*` stands for all. */
  readonly events: readonly string[];
  /** Only of channels whose names begin so; "" for all. */
  readonly channelPrefix: string;
  /** Sent with each request, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** True: it may be at an address that is not public, such as 127.0.0.1 or 10.0.0.1. */
  readonly allowPrivateNetwork: boolean;
}

/** The settings of one app, as configured. Immutable: a reload makes a new one. */
export interface AppSettings {
  readonly id: string;
  readonly key: string;
  /** All secrets in force, newest first; several during a rotation. */
  readonly secrets: readonly string[];
  /** What `x-publish-secret` must say; null switches that header off. */
  readonly publishSecret: string | null;
  readonly enabled: boolean;
  /** Origins a browser may connect from: `*`, `https://example.com`, `https://*.example.com`. */
  readonly allowedOrigins: readonly string[];
  readonly clientEvents: ClientEventRules;
  /** True when connections may sign their user in with a user token. */
  readonly userAuthentication: boolean;
  /** True when a signed-in connection may watch which other users are online. Wants `userAuthentication`. */
  readonly watchlist: boolean;
  /** True when the subscribers of a channel are told how many they are, where their protocol has a word for it. */
  readonly subscriptionCount: boolean;
  readonly token: TokenRules;
  readonly limits: AppLimits;
  /** No two with the same URL. */
  readonly webhooks: readonly WebhookEndpoint[];
}

/** An app as sessions hold it: the identity stays over reloads, the settings are the newest. */
export interface App {
  readonly id: string;
  readonly settings: AppSettings;
}

/** The apps that this process serves. Reads are synchronous: they are on the path of each connect and publish. */
export interface AppRegistry {
  /** The app with this key, enabled or not; null when there is none. */
  byKey(key: string): App | null;
  /** The app with this id; null when there is none. */
  byId(id: string): App | null;
  /** All apps, in the order of the configuration. */
  readonly all: readonly App[];
  /** The first configured app: what a native connection without `?key=` gets. */
  readonly first: App;
  /**
   * The app whose publish secret this is, compared in constant time; null when there is none. Two apps never share one:
   * the configuration refuses it.
   */
  byPublishSecret(secret: string): App | null;
  /** Calls `listener` after each reload that changed something. Returns the act that ends it. */
  onChange(listener: () => void): () => void;
}

/** What a verified connection token grants. */
export interface ConnectionGrant {
  /** The `sub` claim: who the connection belongs to; null when the token names nobody. */
  readonly userId: string | null;
  /** The `jti` claim: which token it was; null when it has none. */
  readonly tokenId: string | null;
  /** The `info` claim as JSON text: what is told about the user on presence channels; null when there is none. */
  readonly userInfo: string | null;
  readonly capabilities: Capabilities;
  /** When it ends, in milliseconds since 1970. */
  readonly expiresAtMs: number;
}
