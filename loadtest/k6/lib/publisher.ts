import http from "k6/http";
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
const OK = [200, 204];

/** Publishes over HTTP. */
export class Publisher {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor({ publishUrl, publishSecret }: Pick<LoadSettings, "publishUrl" | "publishSecret">) {
    this.#url = `${publishUrl}/publish`;
    this.#headers = { "content-type": "application/json", "x-publish-secret": publishSecret };
  }

  /** Publishes; true when the system has accepted it. Never rejects. */
  async publish(publication: Publication): Promise<boolean> {
    try {
      const answer = await http.asyncRequest("POST", this.#url, JSON.stringify(publication), {
        headers: this.#headers,
        timeout: TIMEOUT,
        responseType: "none",
      });
      return OK.includes(answer.status);
    } catch {
      // No answer is as good as a refusal: whoever asked counts it.
      return false;
    }
  }
}
