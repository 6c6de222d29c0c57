import { type BusPublishResult, BusUnavailableError } from "@carillon/core";
import type { PublishOptions } from "nats";
import { type Deferred, defer } from "./deadline.ts";

/**
 * Most bytes that may wait for the server's confirmation. A server that is alive confirms thousands of times a second, so
 * this much waits only where it has stopped reading; what comes on top is refused.
 */
export const MAX_UNCONFIRMED_BYTES = 64 * 1024 * 1024;

/** How long the server may take to confirm, in ms, before the connection counts as stuck. */
export const CONFIRM_TIMEOUT_MS = 5_000;

/**
 * How long messages may wait for others, in ms, and how much may gather, in bytes of content. They wait only while a PING is under
 * way, or when many are to be expected, so the first message after a pause never does, and on a network whose round trip is shorter
 * nobody waits that long. Each write costs this node, the server and every node that reads from it some system calls, which many
 * messages then share.
 */
export const GATHER_MS = 2;
export const GATHER_BYTES = 32 * 1024;

/**
 * When so many publishes were waiting as a PING was answered, as many are expected to come again: those who were answered publish
 * their next ones about now. Three quarters of them leave together; without that two halves would take turns for ever, each in a write
 * of its own. Fewer are no crowd: at some thousand publishes a second, a few are always under way, and would wait for nobody.
 */
export const CROWD_PUBLISHES = 8;
export const CROWD_SHARE = 0.75;

// The deadline has two steps: after a stall of this process (a stopped container, a long pause) the first one is overdue,
// and the loop reads what the server had answered before the second one can end.
const SECOND_STEP_MS = 500;

const TAKEN: BusPublishResult = Object.freeze({ isDuplicate: false });

/** What an Outbox does to its connection. */
export interface OutboxConnection {
  /** Hands messages to the NATS client, in order. May throw when the connection is closed. */
  write(letters: readonly Letter[]): void;
  /** One PING; resolves with its PONG, rejects when the connection breaks before. */
  ping(): Promise<void>;
  /** Called when a PING was not answered in time. Everything that waited has been refused. */
  onStuck(): void;
}

/** One message on its way out. */
export interface Letter {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly options: PublishOptions | undefined;
}

/** What one PING confirms. All who wait for it share one promise: it costs nothing per message. */
interface Batch {
  readonly confirmed: Deferred<BusPublishResult>;
  bytes: number;
  publishes: number;
  /** True: somebody waits who doesn't publish, and whom it would be of no use to wait for others. */
  isUrgent: boolean;
  /** Set when the server refused something in it. */
  refusal: Error | null;
}

/**
 * What leaves a node on one connection. One PING at a time confirms whatever was written before it; what comes meanwhile gathers,
 * and goes out in one write, as a rule when it is answered: under load a batch is what came in during the last round trip.
 */
export class Outbox {
  readonly #connection: OutboxConnection;
  #letters: Letter[] = [];
  #letterBytes = 0;
  #isGatheringOver = false;
  /** So many gather although no PING is under way; 0: none. */
  #expectedPublishes = 0;
  /** One for all times: to wait again costs less than another timer. */
  #gatherTimer: NodeJS.Timeout | null = null;
  #open: Batch | null = null;
  /** Written, and waiting for its PING behind the one in flight. Only set by {@link hold}. */
  #sealed: Batch | null = null;
  #inFlight: Batch | null = null;
  /** Confirmed; told at the end of the turn, when a refusal that came with the confirmation has been heard as well. */
  #settling: Batch[] = [];
  #unconfirmedBytes = 0;
  #turn: NodeJS.Immediate | null = null;
  /** Runs on when its PING is answered, and begins anew with the next: a timer for each would be made and dropped with each. */
  #deadline: NodeJS.Timeout | null = null;
  #isHeld = false;
  #idle: Deferred<void> | null = null;

  constructor(connection: OutboxConnection) {
    this.#connection = connection;
  }

  /** Bytes that were published and are not confirmed yet. */
  get unconfirmedBytes(): number {
    return this.#unconfirmedBytes;
  }

  /** Publishes and resolves when the server has read it. `data` must stay as it is: it is not copied. */
  publish(subject: string, data: Uint8Array, options?: PublishOptions): Promise<BusPublishResult> {
    const bytes = subject.length + data.length;
    if (this.#unconfirmedBytes + bytes > MAX_UNCONFIRMED_BYTES) {
      return Promise.reject(new BusUnavailableError("NATS takes in less than is published; try again later"));
    }
    this.#add({ subject, data, options });
    const batch = this.#openBatch();
    batch.bytes += bytes;
    batch.publishes++;
    this.#unconfirmedBytes += bytes;
    return batch.confirmed.promise;
  }

  /** Sends in order with the publishes, without waiting for anything. `data` must stay as it is. */
  send(subject: string, data: Uint8Array, options: PublishOptions): void {
    this.#add({ subject, data, options });
    this.#schedule();
  }

  /** Resolves when the server has read everything that this node gave the connection so far, in this turn included. */
  confirm(): Promise<BusPublishResult> {
    const batch = this.#openBatch();
    batch.isUrgent = true;
    return batch.confirmed.promise;
  }

  /** True when nothing waits to be written or confirmed. */
  get isEmpty(): boolean {
    const hasBatch =
      this.#open !== null || this.#sealed !== null || this.#inFlight !== null || this.#settling.length > 0;
    return this.#letters.length === 0 && !hasBatch;
  }

  /** The server refused something of what was written lately: nobody who waits may be told that it was taken. */
  refuse(error: Error): void {
    for (const batch of [...this.#settling, this.#inFlight, this.#sealed, this.#open])
      if (batch !== null) batch.refusal = error;
  }

  /** Refuses all that waits, and forgets what was not written yet. */
  fail(error: Error): void {
    const batches = [...this.#settling, this.#inFlight, this.#sealed, this.#open];
    this.#letters = [];
    this.#letterBytes = 0;
    this.#settling = [];
    this.#inFlight = this.#sealed = this.#open = null;
    this.#unconfirmedBytes = 0;
    for (const batch of batches) batch?.confirmed.reject(batch.refusal ?? error);
    this.#tellIdle();
  }

  /**
   * Keeps back whatever comes from now on, for {@link moveTo}. Resolves when all that came before is confirmed, or was
   * refused.
   */
  hold(): Promise<void> {
    this.#writeLetters();
    this.#isHeld = true;
    this.#sealed = this.#open;
    this.#open = null;
    this.#idle = defer<void>();
    this.#schedule();
    return this.#idle.promise;
  }

  /** Ends {@link hold} where it began: what was kept back leaves after all. */
  release(): void {
    this.#isHeld = false;
    this.#isGatheringOver = true;
    this.#schedule();
  }

  /** Hands what {@link hold} kept back to another connection's outbox, in order. Who waits for it is told by that one. */
  moveTo(other: Outbox): void {
    for (const letter of this.#letters.splice(0)) other.#add(letter);
    this.#letterBytes = 0;
    other.#schedule();
    const batch = this.#open;
    this.#open = null;
    if (batch === null) return;
    const heir = other.#openBatch();
    heir.bytes += batch.bytes;
    heir.publishes += batch.publishes;
    heir.isUrgent ||= batch.isUrgent;
    other.#unconfirmedBytes += batch.bytes;
    heir.confirmed.promise.then(batch.confirmed.resolve, batch.confirmed.reject);
  }

  #openBatch(): Batch {
    this.#open ??= { confirmed: defer<BusPublishResult>(), bytes: 0, publishes: 0, isUrgent: false, refusal: null };
    this.#schedule();
    return this.#open;
  }

  #add(letter: Letter): void {
    if (this.#letters.length === 0 && this.#inFlight !== null) this.#beginGathering();
    this.#letters.push(letter);
    this.#letterBytes += letter.data.length;
  }

  #beginGathering(): void {
    this.#isGatheringOver = false;
    if (this.#gatherTimer === null) this.#gatherTimer = setTimeout(() => this.#endGathering(), GATHER_MS);
    else this.#gatherTimer.refresh();
  }

  #endGathering(): void {
    this.#isGatheringOver = true;
    this.#expectedPublishes = 0;
    if (this.#letters.length > 0) this.#schedule();
  }

  get #mayGather(): boolean {
    if (this.#isGatheringOver || this.#letterBytes >= GATHER_BYTES) return false;
    if (this.#inFlight !== null) return true;
    return this.#open !== null && !this.#open.isUrgent && this.#open.publishes < this.#expectedPublishes;
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#turn = null;
    for (const batch of this.#settling.splice(0)) {
      if (batch.refusal === null) batch.confirmed.resolve(TAKEN);
      else batch.confirmed.reject(batch.refusal);
    }
    if (!this.#isHeld && !this.#mayGather) this.#writeLetters();
    this.#startPing();
    this.#tellIdle();
  }

  #writeLetters(): void {
    const letters = this.#letters;
    if (letters.length === 0) return;
    this.#letters = [];
    this.#letterBytes = 0;
    this.#expectedPublishes = 0;
    try {
      this.#connection.write(letters);
    } catch (cause) {
      this.fail(new BusUnavailableError("the connection to NATS is closed", { cause }));
    }
  }

  #startPing(): void {
    if (this.#inFlight !== null) return;
    // What still gathers must not be confirmed by a PING that leaves before it.
    const batch = this.#sealed ?? (this.#isHeld || this.#letters.length > 0 ? null : this.#open);
    if (batch === null) return;
    if (batch === this.#sealed) this.#sealed = null;
    else this.#open = null;
    this.#inFlight = batch;
    if (this.#deadline === null)
      this.#deadline = setTimeout(() => this.#overdue(), CONFIRM_TIMEOUT_MS - SECOND_STEP_MS).unref();
    else this.#deadline.refresh();
    this.#connection.ping().then(
      () => this.#confirmed(batch),
      (cause: unknown) => {
        if (this.#inFlight === batch) this.fail(new BusUnavailableError("the connection to NATS broke", { cause }));
      },
    );
  }

  #confirmed(batch: Batch): void {
    // Refused meanwhile; its PONG comes too late.
    if (this.#inFlight !== batch) return;
    this.#inFlight = null;
    this.#unconfirmedBytes -= batch.bytes;
    this.#settling.push(batch);
    this.#expectCrowd(batch.publishes + (this.#open?.publishes ?? 0));
    this.#schedule();
  }

  #expectCrowd(publishes: number): void {
    this.#expectedPublishes = publishes < CROWD_PUBLISHES ? 0 : Math.ceil(publishes * CROWD_SHARE);
    // Where some have gathered already, their time runs.
    if (this.#expectedPublishes > 0 && this.#letters.length === 0) this.#beginGathering();
  }

  #overdue(): void {
    const batch = this.#inFlight;
    if (batch !== null) setTimeout(() => this.#giveUp(batch), SECOND_STEP_MS);
  }

  #giveUp(batch: Batch): void {
    if (this.#inFlight !== batch) return;
    this.fail(new BusUnavailableError(`NATS did not confirm within ${CONFIRM_TIMEOUT_MS} ms`));
    this.#connection.onStuck();
  }

  #tellIdle(): void {
    if (this.#inFlight !== null || this.#sealed !== null || this.#settling.length > 0) return;
    this.#idle?.resolve();
    this.#idle = null;
  }
}
