import { post } from "./http-post.ts";
import type { PublishOutcome } from "./publish-outcome.ts";
import { outcomeOf } from "./publish-outcome.ts";
import type { LoadSettings } from "./settings.ts";

/** Something to publish. */
export interface Publication {
  readonly channel: string;
  readonly event: string;
  readonly payload: unknown;
  /** Makes it safe to repeat. */
  readonly id?: string;
}

interface PublisherOptions extends Pick<LoadSettings, "publishUrl" | "publishSecret"> {
  /** How many publishes a second there will be: connections are kept only as far as they will be used again soon. */
  readonly rate: number;
}

/** Publishes a second for which one connection is kept. */
const RATE_PER_CONNECTION = 10;

/**
 * Publishes over HTTP. Servers close a connection that wasn't used for some seconds, and a late generator may publish on it before it
 * has heard of that: so no more of them are kept than are used all the time, and none where publishes are rare.
 */
export class Publisher {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #lastHeaders: Record<string, string>;
  readonly #keptConnections: number;
  #outstanding = 0;

  constructor({ publishUrl, publishSecret, rate }: PublisherOptions) {
    this.#url = `${publishUrl}/publish`;
    this.#headers = { "content-type": "application/json", "x-publish-secret": publishSecret };
    this.#lastHeaders = { ...this.#headers, connection: "close" };
    this.#keptConnections = Math.floor(rate / RATE_PER_CONNECTION);
  }

  /** Publishes; says what became of it. Never rejects. */
  async publish(publication: Publication): Promise<PublishOutcome> {
    const headers = this.#outstanding < this.#keptConnections ? this.#headers : this.#lastHeaders;
    this.#outstanding++;
    try {
      const { status, error_code } = await post({ url: this.#url, body: JSON.stringify(publication), headers });
      return outcomeOf(status, error_code);
    } catch {
      // k6 says by an error code what went wrong on the way; it throws for what it wouldn't even send.
      return "publish_unreachable";
    } finally {
      this.#outstanding--;
    }
  }
}
