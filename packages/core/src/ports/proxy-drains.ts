/** Who is to be asked to come back: everybody who came through a proxy that is about to end. */
export interface ProxyDrainRequest {
  /** The addresses from which the proxy connects to gateways, as `peerAddress` of a transport has them. */
  readonly via: readonly string[];
  /** Over how long its clients are asked, in ms; 0 asks all of them at once. */
  readonly spreadMs: number;
  /** True: they are counted, and nobody is asked. */
  readonly isDryRun: boolean;
}

/** What a gateway says to it. */
export interface ProxyDrainAnswer {
  readonly nodeId: string;
  /** All gateways that it knows to live, itself included. */
  readonly gateways: readonly string[];
  /** How many of its clients came through the proxy: connections, and calls over HTTP that wait for frames. */
  readonly connections: number;
}

/** What all gateways said. */
export interface ProxyDrainResult {
  /** Of all that answered. */
  readonly connections: number;
  /** How many answered. */
  readonly gateways: number;
  /** Those that are known to live and did not answer in time. */
  readonly missing: readonly string[];
}
