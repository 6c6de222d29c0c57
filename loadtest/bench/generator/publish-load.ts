import { randomNumbers } from "../random-numbers.ts";
import type { LoadShape, Target } from "./messages.ts";
import { ownChannel, SHARED_CHANNEL } from "./payload.ts";
import type { PublishApi } from "./publish-api.ts";
import { PUBLISH_APIS } from "./publish-api.ts";
import type { PublishAnswer } from "./publish-client.ts";
import { PublishClient } from "./publish-client.ts";
import type { SubscriberPool } from "./subscriber-pool.ts";
import { until } from "./until.ts";

/** HTTP connections of the publishing side; also the most publishes that can be unanswered. */
const PUBLISH_CONNECTIONS = 16;

/** Longest time for the last deliveries to arrive after the last publish. */
const DRAIN_DEADLINE_MS = 10_000;

/** Times of answers kept at most; later ones are not sampled. */
const MAX_SAMPLES = 200_000;

/** What a load needs to be made. */
interface PublishLoadOptions {
  readonly pool: SubscriberPool;
  readonly target: Target;
  /** `shared`: each publish reaches every subscriber; `own`: a random channel, which has one. */
  readonly channels: "shared" | "own";
  readonly shape: LoadShape;
}

/** What a stretch of publishing came to. */
interface Stretch {
  readonly published: number;
  readonly refused: number;
  readonly expected: number;
  readonly delivered: number;
}

/** Publishes in the shape asked for, and knows what every subscriber should have got. */
export class PublishLoad {
  readonly #options: PublishLoadOptions;
  readonly #api: PublishApi;
  readonly #clients: PublishClient[];
  readonly #idle: PublishClient[];
  // The same in every run, so that all contenders get the same channels.
  readonly #random = randomNumbers(0x5eed);
  readonly #accepted: Uint32Array;
  readonly #perPublish: number;
  readonly #deliveredAtBegin: number;
  #sent = 0;
  #answered = 0;
  #refused = 0;
  #lastRefusal = 0;
  #isPublishing = false;
  #answersUs: number[] = [];

  constructor(options: PublishLoadOptions) {
    this.#options = options;
    const { pool, target, channels } = options;
    this.#perPublish = channels === "shared" ? pool.size : 1;
    this.#accepted = new Uint32Array(channels === "shared" ? 1 : pool.size);
    this.#deliveredAtBegin = pool.delivered;
    this.#api = PUBLISH_APIS[target.publishApi ?? "native"];
    const events = {
      answered: (client: PublishClient, channel: number, answer: PublishAnswer) =>
        this.#onAnswer(client, channel, answer),
    };
    this.#clients = Array.from({ length: PUBLISH_CONNECTIONS }, () => new PublishClient(target, events));
    this.#idle = [...this.#clients];
  }

  /** Publishes for `durationMs`, then waits until all that was accepted is delivered or too much time has passed. */
  async run(durationMs: number): Promise<Stretch> {
    const { pool, shape } = this.#options;
    const before = { sent: this.#sent, refused: this.#refused, delivered: pool.delivered };
    this.#isPublishing = true;
    if (shape.kind === "paced") await this.#runPaced(shape.perSecond, durationMs);
    else await this.#runClosedLoop(shape.outstanding, durationMs);
    this.#isPublishing = false;
    await until(() => this.#answered === this.#sent && this.#delivered() >= this.#expected(), DRAIN_DEADLINE_MS);
    const published = this.#sent - before.sent;
    const refused = this.#refused - before.refused;
    const expected = (published - refused) * this.#perPublish;
    return { published, refused, expected, delivered: pool.delivered - before.delivered };
  }

  /** Hands over how long the answers since the last call took, in microseconds. */
  takeAnswerTimes(): number[] {
    const taken = this.#answersUs;
    this.#answersUs = [];
    return taken;
  }

  /** Compares what each subscriber got with what was accepted for it. Says in words what differs. */
  problems(receivedBefore: ReadonlyMap<number, number>): string[] {
    const { pool, channels } = this.#options;
    const problems: string[] = [];
    if (this.#refused > 0) problems.push(`${this.#refused} publishes were refused (last status ${this.#lastRefusal})`);
    let missing = 0;
    let surplus = 0;
    for (const [index, before] of receivedBefore) {
      const wanted = this.#accepted[channels === "shared" ? 0 : index] ?? 0;
      const difference = pool.received(index) - before - wanted;
      if (difference < 0) missing -= difference;
      else surplus += difference;
    }
    if (missing > 0) problems.push(`${missing} deliveries were lost`);
    if (surplus > 0) problems.push(`${surplus} deliveries were surplus`);
    return problems;
  }

  close(): void {
    this.#options.pool.onProgress(() => undefined);
    for (const client of this.#clients) client.close();
  }

  async #runPaced(perSecond: number, durationMs: number): Promise<void> {
    const began = performance.now();
    const sentBefore = this.#sent;
    const wanted = Math.round((perSecond * durationMs) / 1000);
    await until(() => {
      const due = Math.min(wanted, Math.ceil(((performance.now() - began) * perSecond) / 1000));
      while (this.#sent - sentBefore < due && this.#publishOne());
      return this.#sent - sentBefore === wanted;
    }, durationMs * 3);
  }

  async #runClosedLoop(outstanding: number, durationMs: number): Promise<void> {
    const refill = (): void => {
      while (this.#isPublishing && this.#sent - this.#completed() < outstanding && this.#publishOne());
    };
    this.#options.pool.onProgress(refill);
    this.#refill = refill;
    refill();
    await until(() => false, durationMs);
  }

  #refill: () => void = () => undefined;

  /** Publishes that are answered and, by the count of deliveries, have arrived. */
  #completed(): number {
    return Math.min(this.#answered, this.#refused + Math.floor(this.#delivered() / this.#perPublish));
  }

  #delivered(): number {
    return this.#options.pool.delivered - this.#deliveredAtBegin;
  }

  #expected(): number {
    return (this.#answered - this.#refused) * this.#perPublish;
  }

  /** False when every connection waits for an answer. */
  #publishOne(): boolean {
    const client = this.#idle.pop();
    if (client === undefined) return false;
    const index = Math.floor(this.#random() * this.#accepted.length);
    this.#sent++;
    client.publish(this.#api.body(this.#channelName(index)), index);
    return true;
  }

  #onAnswer(client: PublishClient, channel: number, { status, isAccepted }: PublishAnswer): void {
    this.#answered++;
    if (this.#answersUs.length < MAX_SAMPLES) this.#answersUs.push(client.answeredAfterUs);
    if (isAccepted) this.#accepted[channel] = (this.#accepted[channel] ?? 0) + 1;
    else {
      this.#refused++;
      this.#lastRefusal = status;
    }
    // A client whose connection ended can't be used again; its absence shows as refused publishes.
    if (status !== 0) this.#idle.push(client);
    this.#refill();
  }

  #channelName(index: number): string {
    return this.#options.channels === "shared" ? SHARED_CHANNEL : ownChannel(index);
  }
}
