import type { Acknowledged, Delivered, Noted } from "./run-record.ts";

/** A position, read. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** Reads a position as it stands on the wire. Throws for anything else: then nothing can be judged. */
export function placeOf(position: string): Place {
  const [, epoch, offset] = /^([\w-]+):(\d+)(?::\w+)?$/.exec(position) ?? [];
  if (epoch === undefined) throw new Error(`"${position}" is no position`);
  return { epoch, offset: Number(offset) };
}

interface Known {
  readonly event: string;
  /** When anybody first knew of it. */
  readonly atMs: number;
  isAcknowledged: boolean;
}

/** What can be known of a channel's stream from what publishers were told and what clients got. */
export class ChannelTruth {
  readonly violations: string[] = [];
  readonly #byOffset = new Map<number, Known>();
  readonly #offsetOf = new Map<string, number>();
  #sorted: readonly (readonly [offset: number, known: Known])[] | null = null;
  #epoch: string | null = null;

  add(event: Noted<Acknowledged> | Noted<Delivered>): void {
    if (event.position === null) return;
    const { epoch, offset } = placeOf(event.position);
    const name = `${event.writer}/${event.number}`;
    this.#epoch ??= epoch;
    // The store is never wiped in a run.
    if (epoch !== this.#epoch) this.violations.push(`event ${name} is of epoch ${epoch}, others are of ${this.#epoch}`);
    const earlier = this.#offsetOf.get(name);
    if (earlier !== undefined && earlier !== offset) {
      this.violations.push(`event ${name} stands at ${earlier} and at ${offset}`);
    }
    this.#offsetOf.set(name, offset);
    const known = this.#byOffset.get(offset);
    if (known !== undefined && known.event !== name) {
      this.violations.push(`offset ${offset} is of ${known.event} and of ${name}`);
    }
    const isAcknowledged = event.kind === "acknowledged" || known?.isAcknowledged === true;
    this.#byOffset.set(offset, { event: name, atMs: known?.atMs ?? event.atMs, isAcknowledged });
    this.#sorted = null;
  }

  get acknowledged(): number {
    return this.#inOrder().filter(([, known]) => known.isAcknowledged).length;
  }

  /** Offset of the newest acknowledged event; 0 for none. */
  get head(): number {
    return this.#inOrder().findLast(([, known]) => known.isAcknowledged)?.[0] ?? 0;
  }

  /** Offsets of the acknowledged events behind `from`, up to and with `to`. */
  acknowledgedWithin(from: number, to: number): readonly number[] {
    return this.#inOrder()
      .filter(([offset, known]) => known.isAcknowledged && offset > from && offset <= to)
      .map(([offset]) => offset);
  }

  /** How many events behind `from` there were by a time, with whatever anybody got to know of within the second after. */
  countBehind(from: number, byMs: number): number {
    return this.#inOrder().filter(([offset, known]) => offset > from && known.atMs <= byMs + 1000).length;
  }

  /** Where an event stands; null when nobody was told. */
  offsetOf({ writer, number }: Delivered): number | null {
    return this.#offsetOf.get(`${writer}/${number}`) ?? null;
  }

  nameOf(offset: number): string {
    return this.#byOffset.get(offset)?.event ?? "?";
  }

  #inOrder(): readonly (readonly [number, Known])[] {
    this.#sorted ??= [...this.#byOffset].sort(([left], [right]) => left - right);
    return this.#sorted;
  }
}
