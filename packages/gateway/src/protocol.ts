import type { App, AppRegistry, Codec, IdleWatch, Node, NodeCounters } from "@carillon/core";
import type { UpgradeDecision, UpgradeRequest } from "@carillon/service";

/** What a protocol may use of its gateway. */
export interface ProtocolServices {
  readonly node: Node;
  readonly apps: AppRegistry;
  readonly counters: NodeCounters;
  /** True when a page of this origin may connect to the app. */
  readonly isOriginAllowed: (app: App, origin: string) => boolean;
  /** Longest frame of a client that is handled, in bytes. */
  readonly maxFrameBytes: number;
  /** Most bytes of a channel's past that are written to one connection at a time. */
  readonly maxCatchUpBytes: number;
  /** Silence after which a connection is closed, in ms. */
  readonly idleTimeoutMs: number;
  /** Notices connections of which nothing is heard, before the server cuts them without a word. */
  readonly idle: IdleWatch;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Reports a bug: something threw that never should. */
  readonly onBug: (error: unknown) => void;
}

/** How one protocol takes a connection that asked for it. */
export type Handshake = Extract<UpgradeDecision, { readonly kind: "accept" }>;

/**
 * One protocol that clients speak with a gateway: its handshake, frames, acks and close rules over the same sessions and hub
 * as all others. A new protocol is a new folder beside `native` and one line where the gateway is made.
 */
export interface Protocol {
  /** Short name, for logs. */
  readonly name: string;
  /**
   * True: it is also served where WebSockets don't get through. All of its frames are JSON text there, so what it accepts
   * without a subprotocol must be that. At most one is. Absent: false.
   */
  readonly isServedOverHttp?: boolean;
  /** Path patterns at which it is served: a plain GET there is told so. */
  readonly paths: readonly string[];
  /** The forms in which its clients get publications. */
  readonly codecs: readonly Codec[];
  /** Path patterns on which its connections are told of silence by {@link ProtocolServices.idle}. Absent: none. */
  readonly watchedPaths?: readonly string[];
  /** True when this upgrade is for it. The first protocol that says so takes it. */
  matches(request: UpgradeRequest): boolean;
  /** Takes a connection. Refusals come after the handshake, as close codes: a browser can't see an HTTP status here. */
  accept(request: UpgradeRequest, services: ProtocolServices): Handshake;
}
