/** The acts that undo a start, in the order of starting. They run in reverse, once, also when the start broke off half-way. */
export class Closing {
  readonly #acts: { readonly name: string; readonly act: () => void | Promise<void> }[] = [];
  readonly #onFailure: (name: string, error: unknown) => void;
  #current: string | null = null;

  /** `onFailure` hears of an act that failed; the others run all the same. */
  constructor(onFailure: (name: string, error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** Notes how to undo what has just been done. */
  push(name: string, act: () => void | Promise<void>): void {
    this.#acts.push({ name, act });
  }

  /** What is being undone at the moment; null: nothing. */
  get current(): string | null {
    return this.#current;
  }

  /** Undoes everything that is still noted. */
  async run(): Promise<void> {
    for (let next = this.#acts.pop(); next !== undefined; next = this.#acts.pop()) {
      this.#current = next.name;
      try {
        await next.act();
      } catch (error) {
        this.#onFailure(next.name, error);
      }
    }
    this.#current = null;
  }
}
