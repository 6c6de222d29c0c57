import { BlocksUnavailableError } from "@carillon/core";
import {
  isProvenLeader,
  JetStreamApi,
  type LeaderMessage,
  MESSAGE_NOT_FOUND,
  NANOSECONDS_PER_MS,
  STREAM_NOT_FOUND,
  StreamNotReadyError,
} from "./jetstream-api.ts";
import { KeptStream } from "./kept-stream.ts";
import type { Link } from "./link.ts";
import type { NatsLog } from "./log.ts";
import type { SubjectSpace } from "./subject.ts";

/** What the stream of blocks is made of. */
export interface BlockStreamOptions {
  readonly space: SubjectSpace;
  readonly replicas: number;
  /** Most bytes on disk of each copy: beyond it, blocks are refused. Also reserved from the account's limit. */
  readonly maxBytes: number;
  readonly log: NatsLog;
}

/** How far the stream goes, as its leader tells it. */
export interface StreamReach {
  /** Tells a stream that was deleted and made anew from the old one. */
  readonly created: string;
  readonly last: number;
}

/** JetStream is not there at all, so nobody can ever have been blocked through it. */
export class NoJetStreamError extends BlocksUnavailableError {}

const NOT_ENABLED =
  "blocks need JetStream, which is not enabled on NATS: " + 'add "jetstream {}" to the configuration of nats-server';

// What a publish may take to be known again after a lost answer, with some room.
const DUPLICATE_WINDOW_MS = 60_000;

const api = new JetStreamApi({
  purpose: "blocks",
  notEnabled: NOT_ENABLED,
  unavailable: (message, options) =>
    message === NOT_ENABLED ? new NoJetStreamError(message, options) : new BlocksUnavailableError(message, options),
});

/**
 * The stream that holds blocks: the newest message of each target, which goes by itself when the block is over. Each message is
 * passed on, without its body, as a sign that there is something new.
 */
export class BlockStream extends KeptStream {
  readonly #filter: string;

  constructor({ space, replicas, maxBytes, log }: BlockStreamOptions) {
    const config = {
      name: space.streamName("BLOCKS"),
      subjects: [space.all("block")],
      republish: { src: space.all("block"), dest: space.all("blocked"), headers_only: true },
      retention: "limits",
      // On disk, so that a restart of NATS lets nobody back in.
      storage: "file",
      // A block that was stored must not go because another one comes.
      discard: "new",
      num_replicas: replicas,
      max_msgs_per_subject: 1,
      max_bytes: maxBytes,
      duplicate_window: DUPLICATE_WINDOW_MS * NANOSECONDS_PER_MS,
      allow_direct: true,
      allow_msg_ttl: true,
    };
    const unusable = (message: string) => new BlocksUnavailableError(message);
    super({ config, adapts: ["num_replicas", "max_bytes"], api, event: "block_stream", log, unusable });
    this.#filter = space.all("block");
  }

  /** What matches the subjects of all blocks. */
  get filter(): string {
    return this.#filter;
  }

  /**
   * How far it goes; null when there is no stream, so that nobody is blocked. Rejects with {@link StreamNotReadyError} when the
   * one that answers may have been replaced as leader.
   */
  async reach(link: Link): Promise<StreamReach | null> {
    const answer = await api.ask(link, `STREAM.INFO.${this.name}`, {});
    const { state, created = "", error } = answer;
    if (state !== undefined) {
      if (!isProvenLeader(answer)) throw new StreamNotReadyError("the stream has no leader that a majority hears");
      return { created, last: state.last_seq };
    }
    if (error?.err_code === STREAM_NOT_FOUND) return null;
    throw api.refusalOf(answer);
  }

  /** Drops what there is of one target, with no word to those who follow. */
  async drop(link: Link, subject: string): Promise<void> {
    const answer = await api.ask(link, `STREAM.PURGE.${this.name}`, { filter: subject });
    if (answer.error !== undefined) throw api.refusalOf(answer);
  }

  /** The first message from a sequence on, from the leader, which misses none; null when there is no further one. */
  async next(link: Link, from: number): Promise<LeaderMessage | null> {
    const request = { seq: from, next_by_subj: this.#filter };
    const answer = await api.ask(link, `STREAM.MSG.GET.${this.name}`, request);
    if (answer.message !== undefined) return answer.message;
    if (answer.error?.err_code === MESSAGE_NOT_FOUND) return null;
    if (answer.error?.err_code === STREAM_NOT_FOUND) throw new StreamNotReadyError("the stream is gone");
    throw api.refusalOf(answer);
  }
}
