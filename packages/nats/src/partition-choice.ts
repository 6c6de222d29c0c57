/** When a partition is worth a wildcard. */
export interface PartitionChoiceSettings {
  /** From so many channels on. A subscription takes 2 KiB, so up to here all partitions together take 8 MiB. Default 16. */
  readonly enterChannels: number;
  /** Below so many not any more. Default 4. */
  readonly leaveChannels: number;
  /** How long unwanted messages are added up, in ms. Default 10 seconds. */
  readonly windowMs: number;
  /** What unwanted messages may cost besides, in µs of processor time a second, so that a few don't matter. Default 30. */
  readonly freeMicros: number;
  /** How long a partition has to do without the wildcard after one, in ms, at first. Default 1 minute. */
  readonly restMs: number;
  /** The longest it has to, in ms. Default 1 hour. */
  readonly maxRestMs: number;
}

/** What {@link PartitionChoice} goes by unless told otherwise. */
export const PARTITION_CHOICE_DEFAULTS: PartitionChoiceSettings = {
  enterChannels: 16,
  leaveChannels: 4,
  windowMs: 10_000,
  freeMicros: 30,
  restMs: 60_000,
  maxRestMs: 3_600_000,
};

/**
 * What an unwanted message costs, in µs of processor time: of this node, and of the server that sent it. Measured: 5 to 6 at some
 * thousands a second, where each is read alone (2 to 3 where many come in one read), and 1.7 more for each KiB.
 */
const MESSAGE_MICROS = 5;
const BYTE_MICROS = 0.0017;
/**
 * What the memory of a channel is worth, in µs of processor time a second. A wildcard saves 2.2 KiB for each, node and server
 * together, and machines are sold with about 4 GiB for each core: 2.2 KiB is as dear as half a millionth of a core.
 */
const CHANNEL_MICROS = 0.5;
/** A wildcard that lasted so many rests was no mistake: the next rest is a short one again. */
const LASTING_RESTS = 10;

/**
 * Whether one partition is worth a wildcard: where this node has many channels in it, unless what arrives unwanted costs more
 * than the memory is worth.
 *
 * It never flaps: after each wildcard comes a rest, which is twice as long as the last one unless the wildcard had lasted for ten of them.
 * So whatever comes and goes, it gets no more than a dozen wildcards in an hour, and one an hour where it stays bad.
 */
export class PartitionChoice {
  readonly #settings: PartitionChoiceSettings;
  #isWildcard = false;
  #sinceMs = 0;
  #restMs = 0;
  #restEndsAtMs = Number.NEGATIVE_INFINITY;
  #spentMicros = 0;

  constructor(settings: PartitionChoiceSettings) {
    this.#settings = settings;
  }

  get isWildcard(): boolean {
    return this.#isWildcard;
  }

  /** True when the partition should get a wildcard now. */
  isWorthWildcard(channels: number, nowMs: number): boolean {
    return !this.#isWildcard && channels >= this.#settings.enterChannels && nowMs >= this.#restEndsAtMs;
  }

  /** True when there are too few channels for the wildcard it has. */
  isDeserted(channels: number): boolean {
    return this.#isWildcard && channels < this.#settings.leaveChannels;
  }

  /** It has a wildcard from now on. */
  enter(nowMs: number): void {
    this.#isWildcard = true;
    this.#sinceMs = nowMs;
    this.#spentMicros = 0;
  }

  /** It has none any more. */
  leave(nowMs: number): void {
    const { restMs, maxRestMs } = this.#settings;
    const hasLasted = nowMs - this.#sinceMs >= LASTING_RESTS * Math.max(this.#restMs, restMs);
    this.#isWildcard = false;
    this.#restMs = hasLasted || this.#restMs === 0 ? restMs : Math.min(2 * this.#restMs, maxRestMs);
    this.#restEndsAtMs = nowMs + this.#restMs;
  }

  /** An unwanted message has come. True when they cost more by now than `channels` subscriptions would. */
  spend(bytes: number, channels: number): boolean {
    const { freeMicros, windowMs } = this.#settings;
    this.#spentMicros += MESSAGE_MICROS + bytes * BYTE_MICROS;
    return this.#spentMicros > (freeMicros + channels * CHANNEL_MICROS) * (windowMs / 1000);
  }

  /** A new window begins: what was unwanted before is forgotten. */
  turn(): void {
    this.#spentMicros = 0;
  }
}
