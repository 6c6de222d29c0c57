import { RateLimit } from "@carillon/core";
import { accept, type Result, refuse } from "@carillon/protocol";

/** One call of a client. */
export interface NumberedCall {
  /** null: it is not to be told from repeats. */
  readonly seq: number | null;
  /** How many calls a second are allowed; 0: any number. */
  readonly perSecond: number;
  /** Monotonic, in ms. */
  readonly nowMs: number;
}

/** Keeps a client's calls in their order, each once, and no more of them than may be. */
export class CallOrder {
  readonly #rate = new RateLimit();
  #lastSeq = 0;
  #refusedInARow = 0;

  /** Calls that were refused for their rate since one was accepted. */
  get refusedInARow(): number {
    return this.#refusedInARow;
  }

  /** Accepted with `true`: it is the next one, and is done from now on. With `false`: it was done before. */
  admit({ seq, perSecond, nowMs }: NumberedCall): Result<boolean> {
    if (seq !== null && seq <= this.#lastSeq) return accept(false);
    const awaited = this.#lastSeq + 1;
    if (seq !== null && seq !== awaited) {
      const message = `call ${seq} came, ${awaited} is awaited: make one at a time, and repeat lost ones`;
      return refuse("out_of_order", message);
    }
    if (!this.#rate.take(perSecond, nowMs)) {
      this.#refusedInARow++;
      const message = `a connection may send ${perSecond} commands a second: slow down, then repeat this`;
      return refuse("rate_limited", message);
    }
    this.#refusedInARow = 0;
    if (seq !== null) this.#lastSeq = seq;
    return accept(true);
  }
}
