import type { Transport, TransportName } from "./transport.ts";

/** A transport that failed is passed over for so long, in ms: then it is tried again first. */
const PASSED_OVER_MS = 60_000;
/** So many attempts in a row may come to nothing before the next transport is tried. One that took too long is enough by itself. */
const MAX_FAILURES = 2;
/**
 * The same for one that has worked: then it is rather the gateway that is away. With the delays between attempts this is about a
 * minute. Not endless, since not every change of the network is told: a VPN that begins may break what had worked.
 */
const MAX_FAILURES_OF_PROVEN = 10;

/**
 * Which transport to try: the best one, until it has shown that it doesn't get through here, as behind a proxy that breaks
 * WebSockets. Whoever was passed over has another chance at a later reconnect, at once when the network has changed, and whenever
 * the connection finds that it gets through by now.
 */
export class TransportChoice {
  readonly #transports: readonly Transport[];
  readonly #passedOverUntil = new Map<TransportName, number>();
  readonly #worked = new Set<TransportName>();
  #failures = 0;

  constructor(transports: readonly Transport[]) {
    this.#transports = transports;
  }

  /** The one to try now; null where there is none at all. */
  get current(): Transport | null {
    const now = performance.now();
    const isTried = ({ name }: Transport) => (this.#passedOverUntil.get(name) ?? 0) <= now;
    return this.#transports.find(isTried) ?? this.#transports[0] ?? null;
  }

  /** How long an attempt by it may take: one that may never get through doesn't hold up the others for long. */
  timeoutMs({ name }: Transport, timeoutMs: number): number {
    const isLast = this.#transports.at(-1)?.name === name;
    return isLast || this.#worked.has(name) ? timeoutMs : timeoutMs * 0.4;
  }

  /** A connection by it stands. */
  succeeded({ name }: Transport): void {
    this.#failures = 0;
    this.#passedOverUntil.delete(name);
    this.#worked.add(name);
  }

  /** An attempt by it came to nothing, and no server has said why. */
  failed({ name }: Transport, isTimeout: boolean): void {
    const most = this.#worked.has(name) ? MAX_FAILURES_OF_PROVEN : MAX_FAILURES;
    if (++this.#failures < most && !isTimeout) return;
    this.#failures = 0;
    this.#worked.delete(name);
    this.#passedOverUntil.set(name, performance.now() + PASSED_OVER_MS);
    // When none gets through, it is not the transports' fault.
    if (this.#transports.every((each) => this.#passedOverUntil.has(each.name))) this.#passedOverUntil.clear();
  }

  /** The network is another one. */
  forget(): void {
    this.#passedOverUntil.clear();
    this.#worked.clear();
    this.#failures = 0;
  }
}
