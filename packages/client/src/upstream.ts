import { backoffMs } from "./backoff.ts";

/** What an Upstream stands on. */
export interface UpstreamOptions {
  /** `http(s)://…/send`. */
  readonly url: string;
  /** The session is no more, or could not be reached for too long. */
  readonly onLost: (reason: string) => void;
}

/** The most of one call (N68). */
const MAX_COMMANDS = 100;
const MAX_BYTES = 32_768;
const RETRY = { minMs: 200, maxMs: 2_000 };
/** Longer than this a call is not repeated: the session would be gone. */
const GIVE_UP_MS = 10_000;

/** Brings commands to a session by POST, one call after the other under their numbers, so that a repeat does nothing twice. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #queue: string[] = [];
  readonly #stop = new AbortController();
  #session: string | null = null;
  #lastSeq = 0;
  #isRunning = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The session that commands go to; they wait until it is known. */
  begin(session: string): void {
    this.#session = session;
    void this.#run();
  }

  /** Sends a command, as JSON text. */
  send(command: string): void {
    this.#queue.push(command);
    void this.#run();
  }

  /** Ends the session, if it can be reached, and whatever is under way. */
  close(): void {
    this.#stop.abort();
    const session = this.#session;
    if (session === null) return;
    const ended = fetch(`${this.#options.url}?session=${session}&close=1`, { method: "POST", keepalive: true });
    // It ends by itself after a while.
    ended.catch(() => undefined);
  }

  async #run(): Promise<void> {
    if (this.#isRunning || this.#session === null) return;
    this.#isRunning = true;
    // What is sent within one turn goes in one call.
    await Promise.resolve();
    while (this.#queue.length > 0 && !this.#stop.signal.aborted) {
      if (!(await this.#post(`[${this.#take().join()}]`))) break;
    }
    this.#isRunning = false;
  }

  #take(): string[] {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.#queue) {
      bytes += length;
      if (count === MAX_COMMANDS || (count > 0 && bytes > MAX_BYTES)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  /** False when the session is lost. */
  async #post(body: string): Promise<boolean> {
    const { url, onLost } = this.#options;
    const { signal } = this.#stop;
    const seq = ++this.#lastSeq;
    const endMs = performance.now() + GIVE_UP_MS;
    for (let attempt = 0; ; attempt++) {
      const status = await fetch(`${url}?session=${this.#session}&seq=${seq}`, { method: "POST", body, signal }).then(
        (response) => response.status,
        () => 0,
      );
      if (signal.aborted) return false;
      // Other refusals are about what was sent: the frames tell, where they could be read.
      if (status !== 0 && status !== 410 && status !== 429 && status < 500) return true;
      if (status === 410 || performance.now() > endMs) {
        onLost(status === 410 ? "the session is gone" : "commands can't be sent");
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, backoffMs(RETRY, attempt)));
    }
  }
}
