/** Texts that were added lately; beyond its bound the oldest are forgotten. */
export class RecentIds {
  readonly #max: number;
  // In the order of insertion, so the first is the oldest.
  readonly #ids = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  add(id: string): void {
    this.#ids.add(id);
    if (this.#ids.size <= this.#max) return;
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest);
      break;
    }
  }
}
