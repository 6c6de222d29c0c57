import { encodeEnvelope } from "@carillon/protocol";
import type { NatsBus } from "../../src/index.ts";
import { bytes } from "./helpers.ts";

/** Publishes envelopes `<name>-0`, `<name>-1`, … on each of many channels, one round after the other until told to stop. */
export class NumberedPublisher {
  readonly name: string;
  readonly #bus: NatsBus;
  readonly #channels: readonly string[];
  #round = 0;
  /** How many channels of the current round have been published to. */
  #place = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  readonly #payload: Uint8Array;

  /** `padding` goes along with each. */
  constructor(
    name: string,
    bus: NatsBus,
    { channels, padding = "" }: { channels: readonly string[]; padding?: string },
  ) {
    this.name = name;
    this.#payload = bytes(JSON.stringify(padding));
    this.#bus = bus;
    this.#channels = channels;
    this.#done = this.#run();
  }

  /** The number that the channel gets next. */
  nextOf(channel: number): number {
    return channel < this.#place ? this.#round + 1 : this.#round;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (; !this.#isStopped; this.#round++) {
      const publishes: Promise<unknown>[] = [];
      this.#place = 0;
      for (const channel of this.#channels) {
        // Refused while the server is away. What is missing by that is for those to judge who listen.
        const published = this.#bus.publish({ appId: "app", channel }, this.#envelope());
        publishes.push(published.catch(() => undefined));
        this.#place++;
        // So that visitors come and go between two channels of a round.
        if (this.#place % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(publishes);
    }
    this.#place = 0;
  }

  #envelope(): Uint8Array {
    const id = `${this.name}-${this.#round}`;
    return encodeEnvelope({ id, timeMs: 0, exclude: "", event: "test", payload: this.#payload });
  }
}
