import type { AckInbox } from "./ack-inbox.ts";
import { foreignStream } from "./history-config.ts";
import { formatMarker, type Marker, newEpoch, parseMarker } from "./history-marker.ts";
import { type LeaderMessage, StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";

/** What a StreamMarker stands on. */
export interface StreamMarkerOptions {
  /** Name of the stream. */
  readonly stream: string;
  readonly subject: string;
  /** How long the stream keeps things, in ms. */
  readonly maxAgeMs: number;
  /** The bytes that it may have; 0: any. */
  readonly maxBytes: number;
  readonly log: NatsLog;
  readonly inboxOn: (link: Link) => AckInbox;
  /** The last message of a subject, from the stream's leader; null when there is none. */
  readonly readLast: (link: Link, subject: string) => Promise<LeaderMessage | null>;
  /** The epoch is another one now: what is known of offsets belongs to the one before. */
  readonly onNewEpoch: () => void;
}

const TIMEOUT_MS = 2_000;
const TRIES = 3;
// JetStream's `err_code` for a marker that another process has just written.
const WRONG_LAST_SEQUENCE = 10_071;
// It is written anew each time this part of the bytes was appended: the oldest message goes first when they run out.
const REFRESH_PART = 64;
// And each time that this part of the age that the stream keeps things for has passed: NATS may be away for the other parts of it.
const AGE_PART = 8;
// What the subject, the headers and the store add to what was appended.
const OVERHEAD_BYTES = 250;
const FOR_EVER = { "Nats-TTL": "never" };

const encoder = new TextEncoder();

/**
 * The marker of one of the streams that hold histories: a message inside it whose text is the stream's epoch. A stream that was lost
 * and begun anew has no marker, whatever else about it looks the same, so it gets another epoch. Of processes that write one at the
 * same time, JetStream takes that of one only.
 */
export class StreamMarker {
  readonly #options: StreamMarkerOptions;
  #known: Marker = { epoch: "", floor: 0, sequence: 0 };
  /** What this process has appended since the marker was last to be written anew. */
  #own = { count: 0, bytes: 0 };
  /** The offset at which it was. */
  #triedAt = 0;
  /** When it was written, in ms since 1970, as far as is known. */
  #writtenAtMs = 0;

  constructor(options: StreamMarkerOptions) {
    this.#options = options;
  }

  get subject(): string {
    return this.#options.subject;
  }

  /** As known since it was read last; empty before. */
  get epoch(): string {
    return this.#known.epoch;
  }

  /** How old it gets before {@link refresh} writes it anew, in ms. */
  get oldAfterMs(): number {
    return this.#options.maxAgeMs / AGE_PART;
  }

  /** Asks the leader for it. Resolves with it; a new epoch begins when there is none any more. */
  async read(link: Link): Promise<Marker> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const message = await this.#options.readLast(link, this.subject);
      if (message !== null) {
        this.#writtenAtMs = Date.parse(message.time);
        return this.take(Buffer.from(message.data ?? "", "base64"), message.seq);
      }
      await this.#write(link, { epoch: newEpoch(), floor: 0 }, 0);
    }
    throw this.#notWritten();
  }

  /** Takes it as it was read. Throws when it is none of Carillon's. */
  take(text: Uint8Array, sequence: number): Marker {
    const read = parseMarker(Buffer.from(text).toString("latin1"));
    if (read === null) throw foreignStream(this.#options.stream, "its marker is not one of Carillon");
    if (sequence >= this.#known.sequence || read.epoch !== this.#known.epoch) this.#set({ ...read, sequence });
    return { ...read, sequence };
  }

  /** Begins a new epoch, unless another process has just done so. */
  async beginEpoch(link: Link): Promise<void> {
    await this.#write(link, { epoch: newEpoch(), floor: 0 }, this.#known.sequence);
    await this.read(link);
  }

  /** Says that publications up to `floor` may go, or have gone, for other reasons than the number and the age of their channel's. */
  async raiseFloor(link: Link, floor: number): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const marker = await this.read(link);
      if (marker.floor >= floor) return;
      await this.#write(link, { epoch: marker.epoch, floor }, marker.sequence);
    }
    if (this.#known.floor < floor) throw this.#notWritten();
  }

  /**
   * Writes it anew when it is old. A nats-server that starts (2.15) drops whatever is older than the stream keeps things, what was
   * stored to stay for ever included; without this, each restart would begin a new epoch.
   */
  async refresh(link: Link): Promise<void> {
    if (this.epoch === "" || this.#isYoung) return;
    const marker = await this.read(link);
    // To go by its age: so there are never more than some. The newest that stays for ever says the same.
    if (!this.#isYoung) await this.#write(link, marker, marker.sequence, {});
  }

  /**
   * Notes what was appended to the stream, and writes the marker anew before it would have to go for it. Other processes append as well:
   * their part shows in the offset, and is taken to be as large as this one's.
   */
  noteAppended(link: Link, { offset, bytes }: { readonly offset: number; readonly bytes: number }): void {
    const { stream, maxBytes, log } = this.#options;
    if (maxBytes === 0) return;
    this.#own.count++;
    this.#own.bytes += bytes + OVERHEAD_BYTES;
    const behind = offset - Math.max(this.#known.sequence, this.#triedAt);
    if ((behind * this.#own.bytes) / this.#own.count < maxBytes / REFRESH_PART) return;
    this.#triedAt = offset;
    this.#own = { count: 0, bytes: 0 };
    const refreshed = this.#write(link, this.#known, this.#known.sequence);
    // When another process was faster, its marker is the one to know.
    void refreshed
      .then(() => this.read(link))
      .catch((error: unknown) => log.warn("history_marker_not_refreshed", { stream, error }));
  }

  get #isYoung(): boolean {
    return Date.now() - this.#writtenAtMs < this.oldAfterMs;
  }

  /** Takes the marker when no one else wrote one since `expected`; else leaves it to be read. */
  async #write(
    link: Link,
    marker: Omit<Marker, "sequence">,
    expected: number,
    more: Readonly<Record<string, string>> = FOR_EVER,
  ): Promise<void> {
    const ack = await this.#options.inboxOn(link).publish({
      subject: this.subject,
      data: encoder.encode(formatMarker(marker)),
      headers: { ...more, "Nats-Expected-Last-Subject-Sequence": `${expected}` },
      timeoutMs: TIMEOUT_MS,
    });
    if (ack.kind === "stored") {
      this.#writtenAtMs = Date.now();
      this.#set({ ...marker, sequence: ack.sequence });
    } else if (ack.kind !== "refused") throw new StreamNotReadyError("JetStream did not take the marker of the stream");
    else if (ack.errorCode !== WRONG_LAST_SEQUENCE) throw new StreamNotReadyError(ack.description);
  }

  #set(marker: Marker): void {
    const { epoch: before } = this.#known;
    this.#known = marker;
    if (before === marker.epoch) return;
    this.#triedAt = 0;
    this.#options.onNewEpoch();
    if (before !== "") this.#options.log.warn("history_epoch_changed", { stream: this.#options.stream });
  }

  #notWritten(): StreamNotReadyError {
    return new StreamNotReadyError("the marker of the stream could not be written");
  }
}
