import { accept, decodeEnvelope, type Envelope, type Result, refuse } from "@carillon/protocol";
import type { HistoryReader } from "./history-reader.ts";
import type { ChannelAddress } from "./ports/bus.ts";
import type { ChannelRules } from "./ports/channel-rules.ts";
import { HistoryUnavailableError, type Position } from "./ports/history-store.ts";

/** Which part of a channel's history a client asks for, checked in form. */
export interface HistoryRequest {
  readonly channel: string;
  /** Most publications, 1 to 1000. */
  readonly limit: number;
  /** What came after this; null from the oldest (`forward`) or the newest (`backward`). */
  readonly since: Position | null;
  readonly direction: "forward" | "backward";
  /** Most bytes of envelopes; at least one publication is in an answer all the same. */
  readonly maxBytes: number;
}

/** A part of a channel's history. */
export interface HistoryAnswer {
  readonly publications: readonly { readonly publication: Envelope; readonly position: Position }[];
  /** The newest position of the channel. */
  readonly position: Position;
  /** False when something between `since` and the first publication is kept no more. */
  readonly isReachable: boolean;
  /** True when a limit cut it short. */
  readonly hasMore: boolean;
}

/** What a HistoryAccess stands on. */
export interface HistoryAccessOptions {
  readonly reader: HistoryReader;
  readonly rules: ChannelRules;
}

/** Reads histories for clients. Whether they may is decided before. */
export class HistoryAccess {
  readonly #reader: HistoryReader;
  readonly #rules: ChannelRules;

  constructor(options: HistoryAccessOptions) {
    this.#reader = options.reader;
    this.#rules = options.rules;
  }

  /** Reads. Refuses with `not_found` on channels without history, and with `history_unavailable`. */
  async read(address: ChannelAddress, request: HistoryRequest): Promise<Result<HistoryAnswer>> {
    const limits = this.#rules.ruleOf(address.appId, address.channel).history;
    if (limits === null)
      return refuse("not_found", "this channel keeps no history: a rule under channels has to give it one");
    const { since, limit, direction, maxBytes } = request;
    try {
      const page = await this.#reader.read(address, { limits, since, limit, maxBytes, direction });
      const publications: { publication: Envelope; position: Position }[] = [];
      for (const { offset, envelope } of page.publications) {
        const publication = decodeEnvelope(envelope);
        if (publication !== null) publications.push({ publication, position: { epoch: page.head.epoch, offset } });
      }
      return accept({
        publications,
        position: page.head,
        isReachable: page.isReachable,
        hasMore: page.hasMore,
      });
    } catch (error) {
      if (error instanceof HistoryUnavailableError) return refuse(error.code, error.message);
      throw error;
    }
  }
}
