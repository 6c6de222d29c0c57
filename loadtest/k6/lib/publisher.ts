import http from "k6/http";
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

const TIMEOUT = "15s";

interface PublisherOptions extends Pick<LoadSettings, "publishUrl" | "publishSecret"> {
  /**
   * False: each publish has a connection of its own. Servers close a connection that was not used for some seconds, and a late
   * generator may publish on it before it has heard of that; who publishes now and then is better off without.
   */
  readonly reusesConnections: boolean;
}

/** Publishes over HTTP. */
export class Publisher {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor({ publishUrl, publishSecret, reusesConnections }: PublisherOptions) {
    this.#url = `${publishUrl}/publish`;
    this.#headers = {
      "content-type": "application/json",
      "x-publish-secret": publishSecret,
      ...(reusesConnections ? {} : { connection: "close" }),
    };
  }

  /** Publishes; says what became of it. Never rejects. */
  async publish(publication: Publication): Promise<PublishOutcome> {
    try {
      const answer = await http.asyncRequest("POST", this.#url, JSON.stringify(publication), {
        headers: this.#headers,
        timeout: TIMEOUT,
        responseType: "none",
      });
      return outcomeOf(answer.status, answer.error_code);
    } catch {
      // k6 says by an error code what went wrong on the way; it throws for what it wouldn't even send.
      return "publish_unreachable";
    }
  }
}
