import {
  type AppendOptions,
  type AppendResult,
  type ChannelAddress,
  EnvelopeTooLargeError,
  type HistoryPage,
  type HistoryQuery,
  type HistoryStore,
  HistoryUnavailableError,
  type HistoryUsage,
  type Position,
} from "@carillon/core";
import { Breaker } from "./breaker.ts";
import { pause } from "./deadline.ts";
import { HistoryBatchInbox } from "./history-batch.ts";
import type { HistorySettings } from "./history-config.ts";
import { readHeads } from "./history-heads.ts";
import { HistoryRead } from "./history-reader.ts";
import type { HistoryStream } from "./history-stream.ts";
import { HistoryStreams } from "./history-streams.ts";
import { HistoryTrim } from "./history-trim.ts";
import { HistoryUpkeep } from "./history-upkeep.ts";
import { StreamNotReadyError } from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import type { PublishOrder } from "./publish-order.ts";
import { messageIdOf, StreamPublisher } from "./stream-publisher.ts";
import type { SubjectSpace } from "./subject.ts";
import { traceFieldsOf } from "./trace-headers.ts";
import { Turnstile } from "./turnstile.ts";

/** What a NatsHistory stands on. */
export interface NatsHistoryOptions {
  readonly space: SubjectSpace;
  readonly settings: HistorySettings;
  /** Shared with the bus, so that appends and plain publishes on a channel don't overtake each other. */
  readonly order: PublishOrder;
  readonly log: NatsLog;
  /** The connection to use now; null while there is none. */
  readonly link: () => Link | null;
  /** Hears that what was appended in the last `sinceMs` may not have reached this node, though it is connected. */
  readonly onDoubt: (sinceMs: number) => void;
}

/** Without the leader of a stream nobody has the last word; a new one takes 4 to 9 s (measured by killing it, 3 nodes). */
const READ_DEADLINE_MS = 15_000;
/** How long a read waits for a connection: as long as a subscribe does by default. */
const LINK_DEADLINE_MS = 5_000;
const READ_RETRY_MS = 100;
/** More than about a hundred only queue up in JetStream (measured). */
const MAX_READS = 64;
const MAX_WAITING_READS = 10_000;
// What an append carries besides its envelope: headers of about 80 bytes, and some 250 when it is passed on.
const HEADER_ROOM_BYTES = 512;

/** After a failure and without any further attempt, it is worth a try again. */
const FAILURE_COUNTS_MS = 30_000;

const NOT_CONNECTED = "NATS is not connected";

/** Histories on JetStream: a fixed number of streams, each holding the channels of its partitions. */
export class NatsHistory implements HistoryStore {
  readonly #options: NatsHistoryOptions;
  readonly #publisher: StreamPublisher;
  readonly #streams: HistoryStreams;
  readonly #reads = new Turnstile({ atOnce: MAX_READS, waiting: MAX_WAITING_READS });
  readonly #breaker = new Breaker();
  readonly #trim: HistoryTrim;
  readonly #upkeep: HistoryUpkeep;
  #batches: HistoryBatchInbox | null = null;
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: NatsHistoryOptions) {
    const { space, settings, log, link } = options;
    this.#options = options;
    this.#publisher = new StreamPublisher({
      link,
      outlivesOutage: true,
      disconnected: () => new HistoryUnavailableError(NOT_CONNECTED),
      unavailable: (message) => new HistoryUnavailableError(message),
    });
    this.#streams = new HistoryStreams({
      space,
      settings,
      log,
      inboxOn: (on) => this.#publisher.inboxOn(on),
    });
    this.#trim = new HistoryTrim({ space, streams: this.#streams });
    this.#upkeep = new HistoryUpkeep({ streams: this.#streams.all, link, onLeaderChanged: options.onDoubt });
  }

  /** False while NATS is away, and after an append or a read that failed, until one succeeds or half a minute has passed. */
  get isAvailable(): boolean {
    return this.#options.link() !== null && performance.now() - this.#failedAtMs > FAILURE_COUNTS_MS;
  }

  /** What they are kept in. */
  get streams(): readonly HistoryStream[] {
    return this.#streams.all;
  }

  /** Appends what the limits of the streams allow; how much of it counts is up to the limits of each read. */
  async append(address: ChannelAddress, envelope: Uint8Array, options: AppendOptions): Promise<AppendResult> {
    const { space, order, settings } = this.#options;
    this.#upkeep.begin();
    const link = this.#options.link();
    if (link === null) throw new HistoryUnavailableError(NOT_CONNECTED);
    const roomBytes = assertFits(link, envelope);
    const publication = {
      stream: this.#streams.of(address),
      subject: this.#subjectOf(address),
      // Not `slice`: a Buffer's doesn't copy.
      data: new Uint8Array(envelope),
      messageId: messageIdOf(address, options.idempotencyKey),
      // Stored as well: a stream passes on what it stores. Who reads the history doesn't look at it.
      headers: traceFieldsOf(options.trace, roomBytes),
      endMs: performance.now() + settings.deadlineMs,
    };
    const delivery = space.of("pub", address.appId, address.channel);
    return await this.#watched(() => order.run(delivery, () => this.#append(publication)));
  }

  async read(address: ChannelAddress, query: HistoryQuery): Promise<HistoryPage> {
    this.#upkeep.begin();
    const stream = this.#streams.of(address);
    const subject = this.#subjectOf(address);
    const startMs = performance.now();
    const crowded = () => new HistoryUnavailableError("too many reads of history wait for NATS; try again later");
    const known = () => new HistoryUnavailableError("JetStream did not answer the last read");
    const readIt = () => this.#reads.pass(() => this.#read({ stream, subject, query, startMs }), crowded);
    return await this.#watched(() => this.#breaker.run(readIt, known));
  }

  async heads(addresses: readonly ChannelAddress[]): Promise<readonly Position[]> {
    return await this.#once(async (link) => {
      const heads: Position[] = [];
      const groups = [...this.#streams.group(addresses)].map(async ([stream, asked]) => {
        await stream.ensure(link);
        const subjects = asked.map(({ address }) => this.#subjectOf(address));
        const found = await readHeads(stream, subjects, this.#batchesOn(link));
        for (const [at, { index }] of asked.entries()) heads[index] = found[at] as Position;
      });
      await Promise.all(groups);
      return heads;
    });
  }

  async trim(appId: string, maxBytes: number): Promise<HistoryUsage> {
    return await this.#once((link) => this.#trim.trim(link, appId, maxBytes));
  }

  /** Notes that a publication of stream number `stream` was delivered. */
  noteDelivered(stream: number, offset: number): void {
    this.#streams.noteDelivered(stream, offset);
  }

  /** The connection broke: answers on it are lost. */
  abandon(): void {
    this.#publisher.abandon();
    this.#batches?.abandon();
  }

  /** The connection is back, or another one: what was known of the streams is to be looked at again. */
  forget(): void {
    this.#streams.forget();
    this.#breaker.reset();
  }

  /** Lets go of the subscriptions for answers, and of the timer. */
  close(): void {
    this.#upkeep.close();
    this.#publisher.close();
    this.#batches?.close();
    this.#batches = null;
  }

  /** Acts without another try, and lets out the errors of the port only. Says nothing about whether the store is there. */
  async #once<T>(act: (link: Link) => Promise<T>): Promise<T> {
    const link = this.#options.link();
    if (link === null) throw new HistoryUnavailableError(NOT_CONNECTED);
    try {
      return await act(link);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  #subjectOf({ appId, channel }: ChannelAddress): string {
    return this.#options.space.of("hist", appId, channel);
  }

  async #append(publication: Publication): Promise<AppendResult> {
    const { stream, data, endMs } = publication;
    if (performance.now() >= endMs) throw new HistoryUnavailableError("earlier appends on the channel took too long");
    const { sequence, isDuplicate } = await this.#publisher.publish(publication);
    const link = this.#options.link();
    if (!isDuplicate && link !== null && !stream.noteAppended(link, sequence, data.length))
      await stream.marker.read(link);
    return { position: { epoch: stream.epoch, offset: sequence }, isDuplicate };
  }

  async #read(reading: Reading): Promise<HistoryPage> {
    const { stream, subject, query, startMs } = reading;
    const endMs = startMs + READ_DEADLINE_MS;
    let reason = "";
    do {
      if (reason !== "") await pause(READ_RETRY_MS * (0.75 + Math.random() / 2));
      const link = this.#options.link();
      if (link === null) {
        // Most are back within a second or two, and who waits may be told the truth then.
        if (performance.now() - startMs > LINK_DEADLINE_MS) throw new HistoryUnavailableError(NOT_CONNECTED);
        reason = NOT_CONNECTED;
        continue;
      }
      try {
        await stream.ensure(link);
        return await new HistoryRead({ stream, subject, inbox: this.#batchesOn(link), query, endMs }).run();
      } catch (error) {
        if (!(error instanceof StreamNotReadyError)) throw error;
        reason = error.message;
      }
    } while (performance.now() < endMs);
    throw new HistoryUnavailableError(`JetStream did not answer a read within ${READ_DEADLINE_MS} ms: ${reason}`);
  }

  #batchesOn(link: Link): HistoryBatchInbox {
    if (this.#batches?.link !== link) {
      this.#batches?.close();
      this.#batches = new HistoryBatchInbox(link);
    }
    return this.#batches;
  }

  /** Keeps {@link isAvailable} true to what happens, and lets out the errors of the port only. */
  async #watched<T>(act: () => Promise<T>): Promise<T> {
    try {
      const result = await act();
      this.#failedAtMs = Number.NEGATIVE_INFINITY;
      return result;
    } catch (error) {
      if (error instanceof RangeError) throw error;
      this.#failedAtMs = performance.now();
      throw asUnavailable(error);
    }
  }
}

function asUnavailable(error: unknown): HistoryUnavailableError {
  if (error instanceof HistoryUnavailableError) return error;
  return new HistoryUnavailableError(error instanceof Error ? error.message : "NATS is away", { cause: error });
}

type Publication = Parameters<StreamPublisher["publish"]>[0] & { readonly stream: HistoryStream };

interface Reading {
  readonly stream: HistoryStream;
  readonly subject: string;
  readonly query: HistoryQuery;
  /** When it was asked for. */
  readonly startMs: number;
}

/** Answers how many bytes are left. */
function assertFits(link: Link, envelope: Uint8Array): number {
  const limit = link.maxPayloadBytes - HEADER_ROOM_BYTES;
  if (envelope.length <= limit) return limit - envelope.length;
  throw new EnvelopeTooLargeError(
    `the envelope has ${envelope.length} bytes, NATS takes ${limit}: publish less, or raise max_payload of nats-server`,
  );
}
