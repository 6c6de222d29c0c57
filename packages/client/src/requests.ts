import { CarillonError } from "./errors.ts";
import type { WireCommand, WireFrame } from "./wire.ts";

/** Hears what becomes of a command, in the turn in which the answer comes: what follows the answer is seen after it. */
export interface Asker {
  readonly onAnswer: (frame: WireFrame) => void;
  /** What the server says, or `invalid_payload`, `message_too_large`, `timeout`, `connection_lost`, `queue_full` or `closed`. */
  readonly onError: (error: CarillonError) => void;
}

interface Waiting extends Asker {
  readonly timer: ReturnType<typeof setTimeout>;
  /** Null once it was sent. */
  command: WireCommand | null;
}

/** What Requests stand on. */
export interface RequestsOptions {
  /** Sends now; false when there is no connection. Throws for what can't be sent at all. */
  readonly send: (command: WireCommand) => boolean;
  readonly timeoutMs: number;
  /** Most commands that wait for a connection. */
  readonly maxQueued: number;
}

/** Commands that are answered: each has an id by which its answer is known. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #queued = 0;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Sends a command, now or once there is a connection. */
  send(command: WireCommand, asker: Asker): void {
    const { timeoutMs, maxQueued } = this.#options;
    const id = ++this.#lastId;
    const withId = { ...command, id };
    const isSent = this.#try(withId, asker);
    if (isSent === null) return;
    if (!isSent && this.#queued >= maxQueued) {
      const message = `${maxQueued} commands wait already (maxQueued)`;
      asker.onError(new CarillonError("queue_full", message, { isRetryable: true }));
      return;
    }
    const timer = setTimeout(() => this.#fail(id, "timeout", "no answer came in time"), timeoutMs);
    this.#waiting.set(id, { ...asker, timer, command: isSent ? null : withId });
    if (!isSent) this.#queued++;
  }

  /** The same as a promise; rejects with a {@link CarillonError}. */
  ask(command: WireCommand): Promise<WireFrame> {
    return new Promise((resolve, reject) => this.send(command, { onAnswer: resolve, onError: reject }));
  }

  /** Sends what waits for a connection, in its order. */
  flush(): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.command === null) continue;
      const isSent = this.#try(waiting.command, waiting);
      if (isSent === null) this.#take(id);
      if (!isSent) continue;
      waiting.command = null;
      this.#queued--;
    }
  }

  /** Takes a frame that may be an answer; false when nobody waits for it. */
  settle(frame: WireFrame): boolean {
    const id = (frame as { id?: unknown }).id;
    if (typeof id !== "number" || !this.#waiting.has(id)) return false;
    const waiting = this.#take(id);
    if (frame.type === "error") waiting?.onError(new CarillonError(frame.code, frame.message));
    else waiting?.onAnswer(frame);
    return true;
  }

  /** The connection broke: of what was sent the outcome is not known. What still waits goes on waiting. */
  lose(): void {
    for (const [id, { command }] of [...this.#waiting]) {
      if (command === null) this.#fail(id, "connection_lost", "the connection broke before the answer came");
    }
  }

  /** No connection will come. */
  close(): void {
    for (const id of [...this.#waiting.keys()]) this.#fail(id, "closed", "the client is closed");
  }

  /** Null: it can't be sent at all, which its asker has been told. Those beside it are none the worse for it. */
  #try(command: WireCommand, { onError }: Asker): boolean | null {
    try {
      return this.#options.send(command);
    } catch (cause) {
      onError(cause instanceof CarillonError ? cause : new CarillonError("invalid_payload", `${cause}`, { cause }));
      return null;
    }
  }

  #fail(id: number, code: string, message: string): void {
    this.#take(id)?.onError(new CarillonError(code, message, { isRetryable: code !== "closed" }));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (waiting.command !== null) this.#queued--;
    return waiting;
  }
}
