/** What became of the numbered publications of one phase, as one subscriber saw them. */
export interface SequenceOutcome {
  readonly lost: number;
  readonly duplicates: number;
  /** Those that came after a later one. */
  readonly reordered: number;
}

/** What everybody should have got in a phase, and how much of that was refused. */
export interface Expected {
  readonly expected: number;
  readonly skipped: number;
}

/** What a number turned out to be. */
export type Arrival = "new" | "late" | "duplicate";

/**
 * Checks that of the publications 1, 2, 3, … of a phase each comes once. What comes in order, as nearly all does, costs a
 * comparison; only what is missing is remembered one by one.
 */
export class Sequence {
  #phase = 0;
  #next = 1;
  #missing: Set<number> | null = null;
  #duplicates = 0;
  #reordered = 0;

  /** The phase that is being counted. */
  get phase(): number {
    return this.#phase;
  }

  /** Begins to count a phase; whatever was counted before is forgotten. */
  begin(phase: number): void {
    this.#phase = phase;
    this.#next = 1;
    this.#missing = null;
    this.#duplicates = 0;
    this.#reordered = 0;
  }

  /** Counts publication `number`. */
  arrived(number: number): Arrival {
    if (number === this.#next) {
      this.#next++;
      return "new";
    }
    if (number > this.#next) {
      this.#missing ??= new Set();
      for (let each = this.#next; each < number; each++) this.#missing.add(each);
      this.#next = number + 1;
      return "new";
    }
    if (this.#missing?.delete(number) === true) {
      this.#reordered++;
      return "late";
    }
    this.#duplicates++;
    return "duplicate";
  }

  /** The outcome when `last` was the last publication. Of a phase that nothing came of, all is lost. */
  outcome(last: number): SequenceOutcome {
    const afterTheLastSeen = Math.max(0, last - (this.#next - 1));
    const lost = (this.#missing?.size ?? 0) + afterTheLastSeen;
    return { lost, duplicates: this.#duplicates, reordered: this.#reordered };
  }
}
