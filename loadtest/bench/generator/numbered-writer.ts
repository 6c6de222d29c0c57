import type { Target, WriteReply } from "./messages.ts";
import { numberedBody } from "./numbered-event.ts";
import type { PublishAnswer } from "./publish-client.ts";
import { PublishClient } from "./publish-client.ts";
import { until } from "./until.ts";

const STEP_MS = 2;
const LAST_ANSWER_DEADLINE_MS = 20_000;

/**
 * Publishes numbered events from 1 on, so many a second, each when the one before is answered: their order is the order in the
 * stream. What could not be sent in time is sent as soon as it goes.
 */
export class NumberedWriter {
  readonly #client: PublishClient;
  readonly #perSecond: number;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #answered = 0;
  #refused = 0;
  #isEnding = false;

  constructor(target: Target, perSecond: number) {
    this.#perSecond = perSecond;
    const answered = (_: PublishClient, __: number, answer: PublishAnswer) => this.#onAnswer(answer);
    this.#client = new PublishClient(target, { answered });
    this.#timer = setInterval(() => this.#step(), STEP_MS);
  }

  /** Sends no more; resolves when all is answered. */
  async end(): Promise<WriteReply> {
    this.#isEnding = true;
    const seconds = (performance.now() - this.#began) / 1000;
    await until(() => this.#answered === this.#sent, LAST_ANSWER_DEADLINE_MS);
    clearInterval(this.#timer);
    this.#client.close();
    const accepted = this.#answered - this.#refused;
    return { published: accepted, refused: this.#sent - accepted, seconds };
  }

  #step(): void {
    const due = Math.floor(((performance.now() - this.#began) * this.#perSecond) / 1000);
    if (this.#isEnding || this.#sent > this.#answered || this.#sent >= due) return;
    this.#sent++;
    this.#client.publish(numberedBody(this.#sent), this.#sent);
  }

  #onAnswer({ isAccepted }: PublishAnswer): void {
    this.#answered++;
    if (!isAccepted) this.#refused++;
    this.#step();
  }
}
