import { type ChannelTruth, placeOf } from "./channel-truth.ts";
import type { Delivered, GapTold, Noted, Subscribed } from "./run-record.ts";

/** Who saw, and what is known of the channel. */
export interface WitnessOptions {
  readonly name: string;
  readonly truth: ChannelTruth;
  /** Newest events that are kept of the channel. */
  readonly kept: number;
}

/** A stretch in which nothing was said to be missing. */
interface Stretch {
  /** Everything behind this must be there; null: from the first delivery on. */
  from: number | null;
  /** True once the client has been told a position. */
  hasPosition: boolean;
  readonly got: Set<number>;
  readonly numberOf: Map<number, number>;
  last: number;
}

/** Goes through what one client saw of one channel, and holds it against the promises. */
export class Witness {
  readonly violations: string[] = [];
  readonly unproven = new Map<string, number>();
  recovered = 0;
  justified = 0;
  readonly #options: WitnessOptions;
  #stretch: Stretch | null = null;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  onSubscribed(event: Noted<Subscribed>): void {
    const from = event.position === null ? null : placeOf(event.position).offset;
    if (event.recovered === true) {
      this.recovered++;
      if (event.asked === null) this.#violate("was told recovered: true without having asked");
      // It goes on: what it missed comes as deliveries.
      return;
    }
    if (event.asked !== null) this.#excuse(event, event.asked);
    this.#finish();
    this.#stretch = beginning(from);
  }

  onDelivered(event: Delivered): void {
    const { position, writer, number } = event;
    const stretch = this.#stretch;
    if (stretch === null) {
      this.#violate(`got ${writer}/${number} without being subscribed`);
      return;
    }
    if (position === null && stretch.hasPosition)
      this.#violate(`got ${writer}/${number} without a position behind others with one`);
    // Without a position of its own it stands where its publisher was told.
    const offset = position === null ? this.#options.truth.offsetOf(event) : placeOf(position).offset;
    if (offset === null) return;
    stretch.hasPosition ||= position !== null;
    if (stretch.from === null) {
      stretch.from = offset - 1;
    } else if (stretch.got.has(offset)) {
      this.#violate(`got ${offset} (${writer}/${number}) twice`);
    } else if (offset <= stretch.last) {
      this.#violate(`got ${offset} (${writer}/${number}) behind ${stretch.last}`);
    }
    const lastNumber = stretch.numberOf.get(writer);
    if (lastNumber !== undefined && number <= lastNumber) {
      this.#violate(`got number ${number} of writer ${writer} behind ${lastNumber}`);
    }
    stretch.numberOf.set(writer, number);
    stretch.got.add(offset);
    stretch.last = Math.max(stretch.last, offset);
  }

  onGap(event: GapTold): void {
    this.#countUnproven("gap");
    this.#finish();
    this.#stretch = beginning(event.position === null ? null : placeOf(event.position).offset);
  }

  onEnd(): void {
    const last = this.#stretch?.last ?? 0;
    const { head } = this.#options.truth;
    if (last < head) this.#violate(`ends at ${last}, the head is ${head}`);
    this.#finish();
  }

  /** Everything acknowledged within the stretch must have come. */
  #finish(): void {
    const stretch = this.#stretch;
    if (stretch === null || stretch.from === null) return;
    const { truth } = this.#options;
    const missing = truth.acknowledgedWithin(stretch.from, stretch.last).filter((offset) => !stretch.got.has(offset));
    if (missing.length === 0) return;
    const shown = missing.slice(0, 5).map((offset) => `${offset} (${truth.nameOf(offset)})`);
    this.#violate(`missed ${missing.length} between ${stretch.from} and ${stretch.last}: ${shown.join(", ")}`);
  }

  #excuse({ atMs, reason }: Noted<Subscribed>, asked: string): void {
    const { truth, kept } = this.#options;
    if (reason === "too_old" && truth.countBehind(placeOf(asked).offset, atMs) > kept) this.justified++;
    else this.#countUnproven(reason);
  }

  #countUnproven(reason: string): void {
    this.unproven.set(reason, (this.unproven.get(reason) ?? 0) + 1);
  }

  #violate(what: string): void {
    this.violations.push(`${this.#options.name} ${what}`);
  }
}

function beginning(from: number | null): Stretch {
  return { from, hasPosition: from !== null, got: new Set(), numberOf: new Map(), last: from ?? 0 };
}
