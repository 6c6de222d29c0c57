/** A client's call over HTTP that waits for frames: a stream, or a poll. */
export interface Fetch {
  /** Where it came from: its client, or the proxy that stands before the gateway. */
  readonly peerAddress: string;
  /** Ends it without a word: its client calls again, and goes on where it was. */
  readonly end: () => void;
}

/** The calls of clients that wait for frames here, whichever gateway has their sessions. */
export class Fetches {
  readonly #open = new Set<Fetch>();

  add(fetch: Fetch): void {
    this.#open.add(fetch);
  }

  /** It has been answered, or its client has gone. */
  delete(fetch: Fetch): void {
    this.#open.delete(fetch);
  }

  /** Ends one; false when it has ended by itself. */
  end(fetch: Fetch): boolean {
    if (!this.#open.has(fetch)) return false;
    fetch.end();
    return true;
  }

  /** Those that came from one of these addresses. */
  from(addresses: ReadonlySet<string>): Fetch[] {
    return [...this.#open].filter(({ peerAddress }) => addresses.has(peerAddress));
  }
}
