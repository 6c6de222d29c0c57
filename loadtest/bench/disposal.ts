/** Things to let go of, in reverse order of taking hold of them (Node 20 has no AsyncDisposableStack). */
export class Disposal {
  readonly #acts: (() => Promise<void>)[] = [];

  /** Lets go of `resource` in the end. Returns it. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#acts.push(async () => await resource[Symbol.asyncDispose]());
    return resource;
  }

  /** Calls `act` in the end. */
  defer(act: () => Promise<void>): void {
    this.#acts.push(act);
  }

  /** Lets go of everything, whatever fails on the way; then throws the first failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let act = this.#acts.pop(); act !== undefined; act = this.#acts.pop()) {
      await act().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  }
}
