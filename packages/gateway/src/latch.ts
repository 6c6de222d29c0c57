/** When a latch closes and opens. */
export interface LatchOptions {
  /** Readings from here on close it. 0: it never closes. */
  readonly closesAt: number;
  /** Readings below open it. */
  readonly opensBelow: number;
}

/** A single reading over the limit may be chance: a pause for garbage, a process that was frozen. */
const READINGS_TO_CLOSE = 2;
const READINGS_TO_OPEN = 3;

/** A limit with hysteresis: closes after two readings in a row that reach it, opens after three that are well below. */
export class Latch {
  readonly #options: LatchOptions;
  #isClosed = false;
  /** Readings in a row that speak for the other state. */
  #against = 0;

  constructor(options: LatchOptions) {
    this.#options = options;
  }

  /** Takes in a reading. True: it is closed now. */
  note(reading: number): boolean {
    const { closesAt, opensBelow } = this.#options;
    if (closesAt === 0) return false;
    const isAgainst = this.#isClosed ? reading < opensBelow : reading >= closesAt;
    this.#against = isAgainst ? this.#against + 1 : 0;
    if (this.#against >= (this.#isClosed ? READINGS_TO_OPEN : READINGS_TO_CLOSE)) {
      this.#isClosed = !this.#isClosed;
      this.#against = 0;
    }
    return this.#isClosed;
  }
}
