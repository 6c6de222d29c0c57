/** A decoded frame. */
export type Frame = Readonly<Record<string, unknown>>;

/** An event as a client got it. */
export interface Delivery {
  readonly channel: string;
  readonly event: string;
  readonly payload: unknown;
  /** On channels with history. */
  readonly position?: string;
}

/** How a connection ended. */
export interface Closure {
  readonly code: number;
  readonly reason: string;
}

const WITHIN_MS = 10_000;

/** What all raw clients of the native protocol do alike, whatever carries their frames: keep each frame, and wait for some. */
export abstract class ConversingClient implements AsyncDisposable {
  readonly frames: Frame[] = [];
  readonly receivedText: string[] = [];
  /** Resolves when the connection has ended. */
  readonly closed: Promise<Closure>;
  readonly #waiting = new Set<() => void>();
  #resolveClosed: (closure: Closure) => void = () => undefined;
  #closure: Closure | null = null;
  #lastId = 0;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Sends bytes or text as they are. */
  abstract sendRaw(data: string | Uint8Array): void;
  /** Sends one frame in the client's encoding. */
  abstract send(frame: Frame): void;
  /** Stops reading: the client becomes a slow consumer. */
  abstract pause(): void;
  /** Reads again. */
  abstract resume(): void;
  /** Closes and waits until it is closed. */
  abstract close(): Promise<void>;
  /** Cuts the connection without a word. */
  abstract terminate(): void;

  /** From the welcome, the last one. */
  get connectionId(): string {
    const welcome = this.frames.findLast((frame) => frame["type"] === "welcome");
    return String(welcome?.["connectionId"]);
  }

  /** The events so far, in order. */
  get deliveries(): readonly Delivery[] {
    return this.frames.filter((frame) => frame["type"] === undefined) as unknown as readonly Delivery[];
  }

  /** Sends a command with an id and resolves with its reply, whatever that says. */
  async request(command: Frame): Promise<Frame> {
    this.#lastId++;
    const id = this.#lastId;
    this.send({ ...command, id });
    return this.nextFrame((frame) => frame["id"] === id);
  }

  /** Subscribes and fails the test when that is refused. */
  async subscribe(channel: string, more: Frame = {}): Promise<void> {
    const reply = await this.request({ type: "subscribe", channel, ...more });
    if (reply["type"] !== "subscribed") throw new Error(`subscribe was answered ${JSON.stringify(reply)}`);
  }

  /** The first frame, of those that came or will come, that fits; rejects after ten seconds or when the connection ends. */
  async nextFrame(fits: (frame: Frame) => boolean): Promise<Frame> {
    return this.#until(() => this.frames.find(fits), "a frame that fits");
  }

  /** Resolves with the events once there are at least `count`. */
  async events(count: number): Promise<readonly Delivery[]> {
    return this.#until(() => (this.deliveries.length >= count ? this.deliveries : undefined), `${count} events`);
  }

  /** Drops frames that a long test has no more use for. */
  forget(isDone: (frame: Frame) => boolean): void {
    const kept = this.frames.filter((frame) => !isDone(frame));
    this.frames.splice(0, this.frames.length, ...kept);
    this.receivedText.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    await this.closed;
  }

  /** How it ended; null while it lives. */
  protected get closure(): Closure | null {
    return this.#closure;
  }

  /** A frame came. */
  protected take(frame: Frame): void {
    this.frames.push(frame);
    for (const check of this.#waiting) check();
  }

  /** It has ended. Only the first call counts. */
  protected end(closure: Closure): void {
    if (this.#closure !== null) return;
    this.#closure = closure;
    this.#resolveClosed(closure);
    for (const check of this.#waiting) check();
  }

  #until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        act();
      };
      const check = () => {
        const found = find();
        if (found !== undefined) finish(() => resolve(found));
        else if (this.#closure !== null) {
          finish(() => reject(new Error(`closed with ${JSON.stringify(this.#closure)} before ${what}`)));
        }
      };
      const timer = setTimeout(() => {
        finish(() =>
          reject(new Error(`no ${what} within ${WITHIN_MS} ms; got ${JSON.stringify(this.frames.slice(-5))}`)),
        );
      }, WITHIN_MS);
      this.#waiting.add(check);
      check();
    });
  }
}
