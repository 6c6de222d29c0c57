import { HistoryUnavailableError } from "@carillon/core";
import type { AckInbox } from "./ack-inbox.ts";
import { pause } from "./deadline.ts";
import { assertOwnStream, foreignStream, type HistorySettings, historyStreamConfig } from "./history-config.ts";
import {
  type ApiAnswer,
  isProvenLeader,
  JetStreamApi,
  type LeaderMessage,
  MESSAGE_NOT_FOUND,
  NANOSECONDS_PER_MS,
  STREAM_NAME_IN_USE,
  STREAM_NOT_FOUND,
  type StreamConfig,
  StreamNotReadyError,
  type StreamState,
  SUBJECTS_OVERLAP,
} from "./jetstream-api.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import { SharedAttempt } from "./shared-attempt.ts";
import { StreamMarker } from "./stream-marker.ts";
import type { EnsuredStream } from "./stream-publisher.ts";
import type { SubjectSpace } from "./subject.ts";

/** What a HistoryStream stands on. */
export interface HistoryStreamOptions {
  readonly space: SubjectSpace;
  readonly settings: HistorySettings;
  readonly index: number;
  readonly log: NatsLog;
  readonly inboxOn: (link: Link) => AckInbox;
  /** The stream that is always made first; null for that one itself. */
  readonly first: HistoryStream | null;
}

// Before a stream counts as cut short, its leader is asked this often: a new one may not have caught up at once.
const SHORT_TRIES = 5;
const SHORT_PAUSE_MS = 250;

const NOT_ENABLED =
  "channels with history need JetStream, which is not enabled on NATS: " +
  'add "jetstream {}" to the configuration of nats-server, or take history out of the channel rules';

/** The API as history uses it. */
export const historyApi = new JetStreamApi({
  purpose: "history",
  notEnabled: NOT_ENABLED,
  unavailable: (message, options) => new HistoryUnavailableError(message, options),
});

/** One of the streams that hold histories. Safe when many processes start at once: JetStream creates a stream once. */
export class HistoryStream implements EnsuredStream {
  /** Which epoch it is in. */
  readonly marker: StreamMarker;
  readonly #options: HistoryStreamOptions;
  readonly #config: StreamConfig;
  readonly #ready = new SharedAttempt();
  #hasAdapted = false;
  /** Highest offset of this epoch that any append or stamp has shown. */
  #highest = 0;
  #highestAppended = 0;

  constructor(options: HistoryStreamOptions) {
    this.#options = options;
    this.#config = historyStreamConfig(options.space, options.settings, options.index);
    this.marker = new StreamMarker({
      stream: this.name,
      subject: options.space.ofMarker(options.index),
      maxAgeMs: (this.#config.max_age ?? 0) / NANOSECONDS_PER_MS,
      maxBytes: options.settings.maxBytesPerStream,
      log: options.log,
      inboxOn: options.inboxOn,
      readLast: (link, subject) => this.ask(link, { last_by_subj: subject }),
      onNewEpoch: () => {
        this.#highest = this.#highestAppended = 0;
      },
    });
  }

  get name(): string {
    return this.#config.name;
  }

  get config(): StreamConfig {
    return this.#config;
  }

  /** True when its oldest publications go early because it has too many bytes. */
  get hasByteLimit(): boolean {
    return this.#options.settings.maxBytesPerStream !== 0;
  }

  /** As its marker says, as known since it was read last; empty before. */
  get epoch(): string {
    return this.marker.epoch;
  }

  /**
   * Resolves when the stream and its epoch are there. Rejects with {@link StreamNotReadyError} when another try may help, and
   * with HistoryUnavailableError when it can't. Asks once for all who wait, and never again after a success until
   * {@link forget}.
   */
  ensure(link: Link): Promise<void> {
    return this.#ready.run(() => this.#ensure(link));
  }

  forget(): void {
    this.#ready.forget();
  }

  /** Notes the offset of a delivered publication. */
  noteDelivered(offset: number): void {
    if (offset > this.#highest) this.#highest = offset;
  }

  /** Notes a new append. False when its offset goes back, as after a loss of the stream: its epoch is to be verified. */
  noteAppended(link: Link, offset: number, bytes: number): boolean {
    const isForward = offset > this.#highestAppended;
    this.#highestAppended = offset;
    if (isForward) this.noteDelivered(offset);
    this.marker.noteAppended(link, { offset, bytes });
    return isForward;
  }

  /** A message from the leader: the last of a subject, or the next from a sequence on. Null when there is none. */
  async ask(link: Link, request: LeaderQuery): Promise<LeaderMessage | null> {
    const answer = await historyApi.ask(link, `STREAM.MSG.GET.${this.name}`, request);
    if (answer.message !== undefined) return answer.message;
    if (answer.error?.err_code === MESSAGE_NOT_FOUND) return null;
    throw this.#lost(answer.error?.err_code) ?? historyApi.refusalOf(answer);
  }

  /** What the stream holds, from its leader. */
  async state(link: Link): Promise<StreamState> {
    return (await this.#info(link)).state;
  }

  /** The same, but only from one that is the leader for certain. Rejects with {@link StreamNotReadyError} else. */
  async provenState(link: Link): Promise<StreamState> {
    const info = await this.#info(link);
    if (!isProvenLeader(info)) throw new StreamNotReadyError("the stream may have another leader by now");
    return info.state;
  }

  /** Who leads it, and since when where NATS tells; null while nobody does, "" on a server by itself. */
  async leader(link: Link): Promise<string | null> {
    const { cluster } = await this.#info(link);
    if (cluster === undefined) return "";
    return cluster.leader ? `${cluster.leader} ${cluster.leader_since ?? ""}` : null;
  }

  async #info(link: Link): Promise<ApiAnswer & { readonly state: StreamState }> {
    const { state, ...answer } = await historyApi.ask(link, `STREAM.INFO.${this.name}`, {});
    if (state !== undefined) return { ...answer, state };
    throw this.#lost(answer.error?.err_code) ?? historyApi.refusalOf(answer);
  }

  async #ensure(link: Link): Promise<void> {
    const answer = await historyApi.ask(link, `STREAM.INFO.${this.name}`, {});
    if (answer.config !== undefined) await this.#adapt(link, answer.config);
    else if (answer.error?.err_code === STREAM_NOT_FOUND) await this.#create(link);
    else throw historyApi.refusalOf(answer);
    await this.marker.read(link);
    await this.#assertWhole(link);
  }

  /** The first stream comes first: nodes that disagree about their number meet at its subjects, before anything is lost. */
  async #create(link: Link): Promise<void> {
    await this.#options.first?.ensure(link);
    const made = await historyApi.ask(link, `STREAM.CREATE.${this.name}`, this.#config);
    const code = made.error?.err_code;
    if (code === STREAM_NAME_IN_USE) throw new StreamNotReadyError("the stream has just been created");
    if (code === SUBJECTS_OVERLAP) throw foreignStream(this.name, "other streams hold its subjects");
    if (made.error !== undefined) throw historyApi.refusalOf(made);
    this.assertUsable(made.config ?? { name: this.name });
    this.#hasAdapted = true;
    this.#options.log.info("history_stream_created", { stream: this.name });
  }

  /** Throws HistoryUnavailableError for a stream of this name that is something else's, or not one of as many. */
  assertUsable(present: StreamConfig): void {
    assertOwnStream(present, this.#config, this.#options.settings.streams);
  }

  /** Takes over changed limits, once in the life of a process: nodes with old settings must not undo it over and over. */
  async #adapt(link: Link, present: StreamConfig): Promise<void> {
    this.assertUsable(present);
    if (this.#hasAdapted) return;
    this.#hasAdapted = true;
    const { num_replicas, max_age, duplicate_window, max_msgs_per_subject, max_bytes } = this.#config;
    const wanted = { num_replicas, max_age, duplicate_window, max_msgs_per_subject, max_bytes };
    const changes = Object.entries(wanted).filter(([key, value]) => present[key as keyof typeof wanted] !== value);
    if (changes.length === 0) return;
    // What the old limits have dropped, and what the new ones will, is no proof of anything.
    await this.marker.raiseFloor(link, (await this.state(link)).last_seq);
    const changed = await historyApi.ask(link, `STREAM.UPDATE.${this.name}`, { ...present, ...wanted });
    await this.marker.raiseFloor(link, (await this.state(link)).last_seq);
    const fields = { stream: this.name, changes: Object.fromEntries(changes) };
    if (changed.error === undefined) this.#options.log.info("history_stream_updated", fields);
    // It works as it is, only with the old limits.
    else this.#options.log.warn("history_stream_not_updated", { ...fields, reason: changed.error.description });
  }

  /**
   * A stream with its old marker that ends before what it was seen to hold has lost its newest part, as one copy on one disk
   * may after a loss of power. Its offsets will come again with other publications, so they need a new epoch.
   */
  async #assertWhole(link: Link): Promise<void> {
    if (this.#highest === 0) return;
    for (let attempt = 0; attempt < SHORT_TRIES; attempt++) {
      if ((await this.state(link)).last_seq >= this.#highest) return;
      await pause(SHORT_PAUSE_MS);
    }
    this.#options.log.error("history_stream_cut_short", { stream: this.name });
    await this.marker.beginEpoch(link);
  }

  /** A stream that is gone, or was never made: to be made by the next try. */
  #lost(code: number | undefined): StreamNotReadyError | null {
    if (code !== STREAM_NOT_FOUND) return null;
    this.forget();
    return new StreamNotReadyError("the stream is gone");
  }
}

/** A question to the leader of a stream. */
export type LeaderQuery = { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string };
