import { pause } from "./pause.ts";
import type { Random } from "./random.ts";
import type { RunRecord } from "./run-record.ts";

/** What a writer works with. */
export interface WriterOptions {
  readonly number: number;
  readonly channels: readonly string[];
  /** The publishers that are there now. */
  readonly publisherUrls: () => readonly string[];
  readonly secret: string;
  readonly record: RunRecord;
  readonly random: Random;
  /** Pause between two events, in ms. */
  readonly paceMs: number;
}

/** Longer than a publisher tries by itself. */
const ANSWER_WITHIN_MS = 20_000;
const RETRY_AFTER_MS = 100;

/**
 * Publishes numbered events, one after the other: an event is sent again, with its id, until somebody accepts it, and only then
 * comes the next one. So on each channel its numbers must rise.
 */
export class Writer {
  readonly #options: WriterOptions;
  #isStopping = false;
  #retries = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** How often something had to be sent again. */
  get retries(): number {
    return this.#retries;
  }

  /** Writes until {@link stop}; resolves when the last event is accepted. */
  async run(): Promise<void> {
    const { channels, paceMs, random } = this.#options;
    for (let number = 1; !this.#isStopping; number++) {
      await this.#publish(random.pick(channels), number);
      await pause(random.between(0, paceMs * 2));
    }
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #publish(channel: string, number: number): Promise<void> {
    const { number: writer, record } = this.#options;
    const body = JSON.stringify({ channel, event: "numbered", payload: { writer, number }, id: `${writer}-${number}` });
    for (;;) {
      const position = await this.#try(channel, body);
      if (position !== null) {
        record.add({ kind: "acknowledged", channel, writer, number, position });
        return;
      }
      this.#retries++;
      await pause(RETRY_AFTER_MS);
    }
  }

  /** The position, or null when it can't be known to have been accepted. */
  async #try(channel: string, body: string): Promise<string | null> {
    const { publisherUrls, random, secret, record } = this.#options;
    const urls = publisherUrls();
    if (urls.length === 0) return null;
    const headers = { "content-type": "application/json", "x-publish-secret": secret, prefer: "return=representation" };
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const response = await fetch(`${random.pick(urls)}/publish`, { method: "POST", headers, body, signal });
      const answer = (await response.json()) as { code?: string; positions?: Record<string, string> };
      if (response.ok) return answer.positions?.[channel] ?? null;
      if (response.status !== 503) record.note(`a publish was answered ${response.status} ${answer.code}`);
      return null;
    } catch {
      // The publisher is being killed: its outcome is unknown, which is what ids are for.
      return null;
    }
  }
}
