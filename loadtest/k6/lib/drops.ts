import { clearInterval, setInterval } from "k6/timers";
import { backoffMs } from "./backoff.ts";
import type { Client } from "./client.ts";

const TICK_MS = 50;

/** Takes the connections of a crowd's clients away: of all at once or over a while, or of some of them again and again. */
export class Drops {
  readonly #clients: readonly Client[];
  #timer: number | null = null;

  constructor(clients: readonly Client[]) {
    this.#clients = clients;
  }

  /** True while some will be dropped yet. */
  get isUnderWay(): boolean {
    return this.#timer !== null;
  }

  /** All lose their connections, evenly spread over `seconds`, and come back as Carillon's own clients do. */
  storm(seconds: number): void {
    const { length } = this.#clients;
    const beganMs = Date.now();
    let dropped = 0;
    this.#each(() => {
      const passed = seconds === 0 ? 1 : (Date.now() - beganMs) / (seconds * 1_000);
      const wanted = Math.min(length, Math.ceil(passed * length));
      for (; dropped < wanted; dropped++) this.#clients[dropped]?.drop(backoffMs(0));
      if (dropped === length) this.stop();
    });
  }

  /** `share` of the clients leave each second, one after the other, and come back at once, until it is stopped. */
  churn(share: number): void {
    this.#oneByOne(share, (client) => client.drop());
  }

  /**
   * `share` of the clients lose what carries their connections each second, one after the other, and come back as Carillon's own do,
   * until it is stopped. Where `canRecover`, every other one loses its session as well, and recovers by its position.
   */
  breaks(share: number, canRecover: boolean): void {
    let count = 0;
    this.#oneByOne(share, (client) => {
      const losesSession = canRecover && ++count % 2 === 0;
      if (losesSession) client.drop(backoffMs(0));
      else client.interrupt(backoffMs(0));
    });
  }

  /** Drops nobody more. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #oneByOne(share: number, act: (client: Client) => void): void {
    const { length } = this.#clients;
    // The first one at once: with few clients none would be due before the end, and nothing be measured.
    let due = share === 0 ? 0 : 1;
    let next = 0;
    this.#each(() => {
      due += length * share * (TICK_MS / 1_000);
      for (; due >= 1; due--) {
        const client = this.#clients[next++ % length];
        // One that is on its way back is left alone.
        if (client?.isReady === true) act(client);
      }
    });
  }

  #each(act: () => void): void {
    this.stop();
    this.#timer = setInterval(act, TICK_MS);
  }
}
