import {
  BusUnavailableError,
  type ProxyDrainAnswer,
  type ProxyDrainRequest,
  type ProxyDrainResult,
} from "@carillon/core";
import { type Deferred, defer } from "./deadline.ts";
import type { MovableLink } from "./movable-link.ts";
import { decodeProxyDrain, decodeProxyDrainAnswer } from "./proxy-drain-wire.ts";
import type { SubjectSpace } from "./subject.ts";

/** What NatsProxyDrains stands on. */
export interface NatsProxyDrainsOptions {
  readonly space: SubjectSpace;
  readonly link: MovableLink;
}

/** An answer goes nowhere but to an inbox: whoever may ask must not have a gateway publish on a channel for him. */
const INBOX = /^_INBOX[A-Za-z0-9_-]*\./;

/**
 * How operators ask gateways to send those elsewhere who came through a proxy. It has a subject of its own, beside that on which the processes
 * of the cluster talk: whoever may ask this, may ask nothing else. Request and answers are JSON.
 */
export class NatsProxyDrains {
  readonly #options: NatsProxyDrainsOptions;

  constructor(options: NatsProxyDrainsOptions) {
    this.#options = options;
  }

  /** For gateways: answers what is asked, until the act that is returned ends it. A repeat is asked again; `answer` must not throw. */
  listen(answer: (request: ProxyDrainRequest) => ProxyDrainAnswer): () => void {
    const { space, link } = this.#options;
    return link.listen(space.ofProxyDrains(), (data, replyTo) => {
      const request = decodeProxyDrain(data);
      if (request === null || !INBOX.test(replyTo) || !link.isUp) return;
      link.link.send(replyTo, Buffer.from(JSON.stringify(answer(request))), {});
    });
  }

  /**
   * For operators: asks all gateways, and resolves when all of whom any of them knows have answered, at the latest after
   * `timeoutMs`. Rejects with BusUnavailableError while NATS is away, and when it doesn't permit the question.
   */
  async request(request: ProxyDrainRequest, timeoutMs: number): Promise<ProxyDrainResult> {
    const { space, link: movable } = this.#options;
    const { link } = movable;
    const answers = new Answers();
    const inbox = link.createInbox();
    const subscription = link.subscribe(inbox, (error, { data }) => {
      if (error === null) answers.take(data);
      else answers.refuse(new BusUnavailableError("NATS does not permit this user to hear answers: see deploy/nats"));
    });
    const timer = setTimeout(() => answers.end(), timeoutMs);
    try {
      if (!link.isUp) throw new BusUnavailableError("NATS is not connected");
      link.send(space.ofProxyDrains(), Buffer.from(JSON.stringify(request)), { reply: inbox });
      // Rejects where the question is not permitted.
      await link.confirm();
      await answers.complete;
      return answers.result;
    } finally {
      clearTimeout(timer);
      subscription?.unsubscribe();
    }
  }
}

/** What has been answered so far. */
class Answers {
  readonly #complete: Deferred<void> = defer<void>();
  readonly #byNode = new Map<string, number>();
  readonly #known = new Set<string>();

  /** Resolves when nobody is waited for; rejects when nothing can be heard. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  get result(): ProxyDrainResult {
    let connections = 0;
    for (const count of this.#byNode.values()) connections += count;
    return { connections, gateways: this.#byNode.size, missing: this.#missing };
  }

  take(data: Uint8Array): void {
    const answer = decodeProxyDrainAnswer(data);
    // What NATS itself says, without a word, where nobody listens.
    if (answer === null) {
      if (data.length === 0) this.end();
      return;
    }
    const { nodeId, gateways, connections } = answer;
    this.#byNode.set(nodeId, Math.max(connections, this.#byNode.get(nodeId) ?? 0));
    for (const id of gateways) this.#known.add(id);
    if (this.#missing.length === 0) this.end();
  }

  /** Nobody is waited for any more. */
  end(): void {
    this.#complete.resolve();
  }

  refuse(error: Error): void {
    this.#complete.reject(error);
  }

  get #missing(): string[] {
    return [...this.#known].filter((id) => !this.#byNode.has(id));
  }
}
