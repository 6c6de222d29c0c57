import { setTimeout } from "k6/timers";
import { backoffMs } from "./backoff.ts";
import { post } from "./http-post.ts";

interface UpstreamOptions {
  /** `http(s)://…/send`. */
  readonly url: string;
  /** The session is no more, or could not be reached for too long. */
  readonly onLost: () => void;
}

/** The most commands of one call (N68). */
const MOST_COMMANDS = 100;
/** A session that could not be reached for so long is gone, in ms. */
export const GIVE_UP_MS = 10_000;
/** The status of an answer that says so. */
export const GONE = 410;
const TOO_MANY = 429;
// A connection for each call, as one of very many clients has it: they call so seldom that a kept one would be closed meanwhile.
const HEADERS = { "content-type": "text/plain", connection: "close" };

/** Brings a client's commands to its session by POST: one call after the other under their numbers, so that a repeat does nothing twice. */
export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #queue: string[] = [];
  #session: string | null = null;
  #lastSequence = 0;
  #isRunning = false;
  #isOver = false;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The session that commands go to; they wait until it is known. */
  begin(session: string): void {
    this.#session = session;
    void this.#run();
  }

  send(command: string): void {
    this.#queue.push(command);
    void this.#run();
  }

  /** Brings nothing more. */
  stop(): void {
    this.#isOver = true;
  }

  /** Brings nothing more, and ends the session. */
  close(): void {
    this.#isOver = true;
    if (this.#session !== null) void statusOf(`${this.#options.url}?session=${this.#session}&close=1`, "");
  }

  async #run(): Promise<void> {
    if (this.#isRunning || this.#session === null) return;
    this.#isRunning = true;
    while (this.#queue.length > 0 && !this.#isOver) {
      if (!(await this.#bring(`[${this.#queue.splice(0, MOST_COMMANDS).join()}]`))) break;
    }
    this.#isRunning = false;
  }

  /** False when the session is lost. */
  async #bring(body: string): Promise<boolean> {
    const url = `${this.#options.url}?session=${this.#session}&seq=${++this.#lastSequence}`;
    const giveUpMs = Date.now() + GIVE_UP_MS;
    for (let attempt = 0; ; attempt++) {
      const status = await statusOf(url, body);
      if (this.#isOver) return false;
      // Other refusals are about what was sent: the frames tell.
      if (status !== 0 && status !== GONE && status !== TOO_MANY && status < 500) return true;
      if (status === GONE || Date.now() > giveUpMs) {
        this.#options.onLost();
        return false;
      }
      await new Promise<void>((resolve) => {
        setTimeout(resolve, backoffMs(attempt));
      });
    }
  }
}

/** The status of the answer; 0 when there was none. */
async function statusOf(url: string, body: string): Promise<number> {
  try {
    return (await post({ url, body, headers: HEADERS })).status;
  } catch {
    // k6 says by status 0 what went wrong on the way; it throws for what it wouldn't even send.
    return 0;
  }
}
