/** What a writer writes with. */
export interface WriterOptions {
  /** The publish API. */
  readonly url: string;
  readonly secret: string;
  readonly channels: readonly string[];
  /** Pause between two events of a channel, in ms. */
  readonly paceMs: number;
}

const ANSWER_WITHIN_MS = 20_000;
const RETRY_AFTER_MS = 200;

/**
 * Publishes numbered events on each of its channels, each channel for itself: an event is sent again, with its id, until it is
 * accepted, and only then comes the next one. So nothing is missing among the numbers that were accepted.
 */
export class EventWriter {
  /** How often something had to be sent again, by what it met. */
  readonly retries: Record<string, number> = {};
  readonly #options: WriterOptions;
  readonly #last = new Map<string, number>();
  readonly #runId = Math.random().toString(36).slice(2);
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStopping = false;
    this.#running = Promise.all(this.#options.channels.map((each, index) => this.#write(each, index)));
  }

  /** Resolves with the last number of each channel, when nothing is under way any more. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#isStopping = true;
    await this.#running;
    return Object.fromEntries(this.#last);
  }

  async #write(channel: string, index: number): Promise<void> {
    const { paceMs, channels } = this.#options;
    await pause((paceMs * index) / channels.length);
    while (!this.#isStopping) {
      const number = (this.#last.get(channel) ?? 0) + 1;
      await this.#publish(channel, number);
      this.#last.set(channel, number);
      await pause(paceMs);
    }
  }

  async #publish(channel: string, number: number): Promise<void> {
    const { url, secret } = this.#options;
    const id = `${this.#runId}-${channel}-${number}`;
    const body = JSON.stringify({ channel, event: "numbered", payload: { number }, id });
    const headers = { "content-type": "application/json", "x-publish-secret": secret };
    for (;;) {
      const outcome = await fetch(`${url}/publish`, {
        method: "POST",
        headers,
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      }).then(
        (response) => response.arrayBuffer().then(() => (response.ok ? null : String(response.status))),
        (error: unknown) => (error instanceof Error ? error.name : "error"),
      );
      if (outcome === null) return;
      this.retries[outcome] = (this.retries[outcome] ?? 0) + 1;
      await pause(RETRY_AFTER_MS);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
