/** How many a Turnstile lets in. */
export interface TurnstileOptions {
  /** Most acts under way at once. */
  readonly atOnce: number;
  /** Most acts that wait for their turn. */
  readonly waiting: number;
}

/** Lets so many acts run at once, the others in the order in which they came. */
export class Turnstile {
  readonly #options: TurnstileOptions;
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(options: TurnstileOptions) {
    this.#options = options;
  }

  /** Runs `act` when it is its turn and settles like it. Rejects with what `onCrowded` gives when too many wait already. */
  async pass<T>(act: () => Promise<T>, onCrowded: () => Error): Promise<T> {
    await this.enter(onCrowded);
    try {
      return await act();
    } finally {
      this.leave();
    }
  }

  /** Resolves when it is its turn; what has come in has to {@link leave}. Rejects as {@link pass}. */
  async enter(onCrowded: () => Error): Promise<void> {
    if (this.#running < this.#options.atOnce) {
      this.#running++;
      return;
    }
    if (this.#queue.length >= this.#options.waiting) throw onCrowded();
    // Whoever leaves hands its place over.
    await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
