import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket } from "ws";

/** How a subscriber connects. */
export interface CheckSubscriberOptions {
  readonly url: URL;
  /** Until when each thing has to have happened, as `performance.now()` counts. */
  readonly deadlineMs: number;
  /** Whether a certificate that nobody vouches for will do. */
  readonly isInsecure: boolean;
}

/** A frame of the native protocol, as far as a check looks into it. */
export interface CheckFrame {
  readonly type?: unknown;
  readonly event?: unknown;
  readonly payload?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

const RETRY_MS = 250;

/** A bare client of the native protocol, for as long as a check takes. */
export class CheckSubscriber implements Disposable {
  readonly #socket: WebSocket;
  readonly #deadlineMs: number;
  readonly #frames: CheckFrame[] = [];
  #wake: () => void = () => undefined;
  /** Why nothing more comes; null while something may. */
  #ending: string | null = null;

  private constructor(socket: WebSocket, deadlineMs: number) {
    this.#socket = socket;
    this.#deadlineMs = deadlineMs;
    socket.on("message", (data) => {
      this.#frames.push(parseFrame(String(data)));
      this.#wake();
    });
    socket.on("close", (code, reason) => {
      this.#ending ??= `the connection was closed: ${[code, String(reason)].filter((part) => part !== "").join(" ")}`;
      this.#wake();
    });
    socket.on("error", (error) => {
      this.#ending ??= error.message;
      this.#wake();
    });
  }

  /**
   * Connects, and tries again until the deadline: right after a rollout a load balancer may not know yet where to lead to.
   * Rejects with the last reason.
   */
  static async connect(options: CheckSubscriberOptions): Promise<CheckSubscriber> {
    for (;;) {
      const subscriber = new CheckSubscriber(openSocket(options), options.deadlineMs);
      try {
        await subscriber.next((frame) => frame.type === "welcome");
        return subscriber;
      } catch (error) {
        subscriber[Symbol.dispose]();
        // What the gateway itself refused, it refuses again.
        if (error instanceof RefusedError || performance.now() + RETRY_MS >= options.deadlineMs) throw error;
      }
      await pause(RETRY_MS);
    }
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /**
   * The next frame that `isWanted`; others are passed over. Rejects when the gateway sends an error, when the connection ends,
   * and at the deadline.
   */
  async next(isWanted: (frame: CheckFrame) => boolean): Promise<CheckFrame> {
    for (;;) {
      for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
        if (frame.type === "error") throw new RefusedError(`${String(frame.code)}: ${String(frame.message)}`);
        if (isWanted(frame)) return frame;
      }
      if (this.#ending !== null) throw new Error(this.#ending);
      await this.#somethingNew();
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }

  async #somethingNew(): Promise<void> {
    const leftMs = this.#deadlineMs - performance.now();
    if (leftMs <= 0) throw new Error("nothing came in time");
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, leftMs);
    });
    clearTimeout(timer);
  }
}

/** The gateway understood, and said no. */
class RefusedError extends Error {
  override readonly name = "RefusedError";
}

function openSocket({ url, deadlineMs, isInsecure }: CheckSubscriberOptions): WebSocket {
  const handshakeTimeout = Math.max(1, Math.ceil(deadlineMs - performance.now()));
  return new WebSocket(url, { handshakeTimeout, rejectUnauthorized: !isInsecure, perMessageDeflate: false });
}

function parseFrame(text: string): CheckFrame {
  try {
    const frame: unknown = JSON.parse(text);
    return typeof frame === "object" && frame !== null ? frame : {};
  } catch {
    // Whatever answers there is no gateway of ours; then no welcome comes, and that is reported.
    return {};
  }
}
