import { type HistoryUsage, TRIMMED_SHARE } from "@carillon/core";
import { type ScannedMessage, scanHistory } from "./history-scan.ts";
import { type HistoryStream, historyApi } from "./history-stream.ts";
import type { HistoryStreams } from "./history-streams.ts";
import type { Link } from "./link.ts";
import type { SubjectSpace } from "./subject.ts";

/** What a HistoryTrim stands on. */
export interface HistoryTrimOptions {
  readonly space: SubjectSpace;
  readonly streams: HistoryStreams;
}

/** What is known of an app in a stream without having dropped anything since it was counted. */
interface Account {
  readonly epoch: string;
  bytes: number;
  /** The first sequence that is not counted yet. */
  next: number;
}

/** Some neighbours of an app in a stream, counted together. */
interface Run {
  readonly stream: HistoryStream;
  /** Offset and time of the newest. */
  end: number;
  timeMs: number;
  bytes: number;
}

/** What is dropped at once, as a share of the bound: so however many there are, some thousand runs are decided on. */
const RUN_SHARE = 0.001;

/**
 * Holds apps to the bytes that they may have. What was appended since the last time is counted by its size (a scan costs a
 * few microseconds a message, here and in the server); only when the sum is too large is all of it counted anew, since limits
 * of number and age drop unseen, and the oldest dropped.
 */
export class HistoryTrim {
  readonly #options: HistoryTrimOptions;
  readonly #accounts = new Map<string, Account>();

  constructor(options: HistoryTrimOptions) {
    this.#options = options;
  }

  /** See {@link HistoryStore.trim}. Rejects with {@link StreamNotReadyError} too. */
  async trim(link: Link, appId: string, maxBytes: number): Promise<HistoryUsage> {
    const { streams } = this.#options;
    let bytes = 0;
    for (const stream of streams.all) bytes += await this.#countNew(link, stream, appId);
    if (bytes <= maxBytes) return { bytes, dropped: 0 };
    const runs: Run[] = [];
    const query = { appId, runBytes: maxBytes * RUN_SHARE };
    for (const stream of streams.all) runs.push(...(await this.#countAll(link, stream, query)));
    runs.sort((left, right) => left.timeMs - right.timeMs);
    bytes = runs.reduce((sum, run) => sum + run.bytes, 0);
    if (bytes <= maxBytes) return { bytes, dropped: 0 };
    const ends = new Map<HistoryStream, number>();
    for (const run of runs) {
      if (bytes <= maxBytes * TRIMMED_SHARE) break;
      ends.set(run.stream, run.end);
      bytes -= run.bytes;
      const account = this.#accounts.get(keyOf(run.stream, appId));
      if (account !== undefined) account.bytes -= run.bytes;
    }
    let dropped = 0;
    for (const [stream, end] of ends) dropped += await this.#drop(link, stream, { appId, end });
    return { bytes, dropped };
  }

  async #countNew(link: Link, stream: HistoryStream, appId: string): Promise<number> {
    await stream.ensure(link);
    const key = keyOf(stream, appId);
    const known = this.#accounts.get(key);
    const account = known?.epoch === stream.epoch ? known : { epoch: stream.epoch, bytes: 0, next: 1 };
    await this.#scan(link, stream, { appId, from: account.next }, ({ offset, bytes }) => {
      account.bytes += bytes;
      account.next = offset + 1;
    });
    this.#accounts.set(key, account);
    return account.bytes;
  }

  async #countAll(
    link: Link,
    stream: HistoryStream,
    { appId, runBytes }: { readonly appId: string; readonly runBytes: number },
  ): Promise<readonly Run[]> {
    const runs: Run[] = [];
    let run: Run | undefined;
    const account: Account = { epoch: stream.epoch, bytes: 0, next: 1 };
    await this.#scan(link, stream, { appId, from: 1 }, ({ offset, timeMs, bytes }) => {
      if (run === undefined || run.bytes >= runBytes) {
        run = { stream, end: 0, timeMs: 0, bytes: 0 };
        runs.push(run);
      }
      run.end = offset;
      run.timeMs = timeMs;
      run.bytes += bytes;
      account.bytes += bytes;
      account.next = offset + 1;
    });
    this.#accounts.set(keyOf(stream, appId), account);
    return runs;
  }

  async #scan(
    link: Link,
    stream: HistoryStream,
    { appId, from }: { readonly appId: string; readonly from: number },
    onMessage: (message: ScannedMessage) => void,
  ): Promise<void> {
    await scanHistory({ stream, link, subject: this.#options.space.ofApp("hist", appId), from, onMessage });
  }

  /** Drops everything of an app up to `end`. The floor goes first, so that no reader takes what is missing for never published. */
  async #drop(
    link: Link,
    stream: HistoryStream,
    { appId, end }: { readonly appId: string; readonly end: number },
  ): Promise<number> {
    await stream.marker.raiseFloor(link, end);
    const request = { filter: this.#options.space.ofApp("hist", appId), seq: end + 1 };
    const { purged, ...answer } = await historyApi.ask(link, `STREAM.PURGE.${stream.name}`, request);
    if (purged === undefined) throw historyApi.refusalOf(answer);
    return purged;
  }
}

function keyOf(stream: HistoryStream, appId: string): string {
  return `${stream.name} ${appId}`;
}
