/** Takes what an emitter tells. */
type Listener<Value, Rest extends unknown[]> = (value: Value, ...rest: Rest) => void;

/** Calls what listens to events of some names. A listener that throws disturbs neither the caller nor other listeners. */
export class Emitter<Events extends object, Rest extends unknown[] = []> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never, Rest>>>();

  /** Listens; one listener counts once for each name. Answers the act that ends it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name], Rest>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => this.off(name, listener);
  }

  /** Ends what {@link on} began; without a listener all of the name, without a name all. */
  off<Name extends keyof Events>(name?: Name, listener?: Listener<Events[Name], Rest>): void {
    if (name === undefined) {
      this.#listeners.clear();
      return;
    }
    const listeners = this.#listeners.get(name);
    if (listener !== undefined) listeners?.delete(listener);
    if (listener === undefined || listeners?.size === 0) this.#listeners.delete(name);
  }

  /** Calls the listeners in the order in which they came; false when there are none. What one throws is reported as an uncaught error, as an EventTarget does. */
  emit<Name extends keyof Events>(name: Name, value: Events[Name], ...rest: Rest): boolean {
    // A copy: who comes while it is walked through hears of the next one only, and who goes hears no more.
    const listeners = [...(this.#listeners.get(name) ?? [])] as Listener<Events[Name], Rest>[];
    for (const listener of listeners) {
      if (!this.#listeners.get(name)?.has(listener)) continue;
      try {
        listener(value, ...rest);
      } catch (error) {
        setTimeout(() => {
          throw error;
        });
      }
    }
    return listeners.length > 0;
  }
}
