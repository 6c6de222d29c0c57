import type { Channels } from "./channels.ts";
import type { ClientOwner } from "./client.ts";
import { Client } from "./client.ts";
import type { Dialect, Subscription } from "./dialect.ts";
import { Drops } from "./drops.ts";
import type { Control } from "./incoming.ts";
import { REPORT_EVENT } from "./incoming.ts";
import { LagWatch } from "./lag-watch.ts";
import type { OpenLink } from "./link.ts";
import type { Meter } from "./meter.ts";
import { OwnPublishes } from "./own-publishes.ts";
import type { PhaseName } from "./phases.ts";
import { isShared } from "./phases.ts";
import { longestSeconds, planOf } from "./plan.ts";
import type { Publisher } from "./publisher.ts";
import { Rooms } from "./rooms.ts";
import type { Expected, SequenceOutcome } from "./sequence.ts";
import type { LoadSettings } from "./settings.ts";
import type { Share } from "./share.ts";
import { Timers } from "./timers.ts";
import { Unanimity } from "./unanimity.ts";

const TICK_MS = 50;
const FLUSH_MS = 500;
const REPORT_AGAIN_MS = 2_000;
/** What comes twice may do so late. */
const SETTLE_MS = 1_000;
/** What has not come when nothing came for so long, is lost. While something comes, it is only late. */
const LOST_AFTER_MS = 10_000;
const LATEST_MS = 120_000;
const STORM_OVER_MS = 80_000;
/** Who can't publish a report for so long can't be led either: the conductor's word goes the same way. */
const UNHEARD_MS = 30_000;

/** What a crowd works with. */
export interface CrowdOptions {
  readonly settings: LoadSettings;
  readonly channels: Channels;
  readonly dialect: Dialect;
  readonly openLink: OpenLink;
  readonly meter: Meter;
  /** For what clients are sent. */
  readonly publisher: Publisher;
  /** For the reports to the conductor. */
  readonly reporter: Publisher;
  /** Which of all clients are its own. */
  readonly share: Share;
}

/** The clients of one thread of k6: about a thousand. Connects them, does with them what the conductor says, and reports. */
export class Crowd implements ClientOwner {
  readonly dialect: Dialect;
  readonly openLink: OpenLink;
  readonly meter: Meter;
  readonly needsConnectionId: boolean;
  readonly #settings: LoadSettings;
  readonly #channels: Channels;
  readonly #reporter: Publisher;
  readonly #share: Share;
  readonly #clients: readonly Client[];
  readonly #rooms: Rooms;
  readonly #own: OwnPublishes;
  readonly #drops: Drops;
  readonly #lag: LagWatch;
  readonly #all = new Unanimity<Client>();
  readonly #timers = new Timers();
  readonly #heard = new Set<string>();
  #report: number | null = null;
  /** Since when its reports have been refused. */
  #unheardSinceMs: number | null = null;
  #phasesDone = 0;
  #hasArrived = false;
  #hasEnded = false;

  constructor(options: CrowdOptions) {
    const { settings, channels, dialect, openLink, meter, publisher, reporter, share } = options;
    this.dialect = dialect;
    this.openLink = openLink;
    this.meter = meter;
    this.needsConnectionId = settings.scenario === "mixed";
    this.#settings = settings;
    this.#channels = channels;
    this.#reporter = reporter;
    this.#share = share;
    this.#rooms = new Rooms({ settings, channels });
    this.#clients = Array.from({ length: share.count }, (_, local) => this.#newClient(local));
    this.#own = new OwnPublishes({ clients: this.#clients, settings, channels, meter, publisher });
    this.#drops = new Drops(this.#clients);
    this.#lag = new LagWatch(meter);
  }

  /** Begins to connect. The thread ends when the conductor has said so, or when the longest time is over. */
  start(): void {
    this.meter.count("clients", this.#share.count);
    this.#lag.start("connect_lag_ms");
    const beganMs = Date.now();
    let opened = 0;
    const open = this.#timers.every(TICK_MS, () => {
      const passed =
        this.#settings.rampSeconds === 0 ? 1 : (Date.now() - beganMs) / (this.#settings.rampSeconds * 1_000);
      const wanted = Math.min(this.#share.count, Math.ceil(passed * this.#share.count));
      for (; opened < wanted; opened++) this.#clients[opened]?.open();
      if (opened === this.#share.count) this.#timers.stop(open);
    });
    this.#timers.every(FLUSH_MS, () => this.meter.flush());
    this.#timers.every(REPORT_AGAIN_MS, () => void this.#tell());
    const givenUpMs = beganMs + (this.#settings.rampSeconds + this.#settings.connectSeconds) * 1_000;
    this.#timers.when(
      () => this.#all.isReached(this.#clients, ({ wasReady }) => wasReady),
      givenUpMs,
      () => {
        // Nobody is there who could be told anything.
        this.#lag.stop();
        if (this.#clients.some(({ wasReady }) => wasReady)) this.#reported(0);
        else {
          this.#tellOfWaiting();
          this.#end();
        }
      },
    );
    this.#timers.in(longestSeconds(this.#settings) * 1_000, () => this.#end());
  }

  subscriptionsOf(client: Client): readonly Subscription[] {
    const { position } = client;
    const shared = { channel: this.#channels.shared, ...(position === null ? {} : { recover: position }) };
    return [shared, { channel: this.#channels.own(client.index) }, ...this.#rooms.subscriptionsOf(client)];
  }

  ready(): void {
    // Whether all are is looked at now and then, which costs less than counting what comes and goes.
  }

  arrived(): void {
    this.#hasArrived = true;
  }

  heard(control: Control): void {
    const key = `${control.act} ${control.phase}`;
    if (this.#heard.has(key)) return;
    this.#heard.add(key);
    if (control.act === "finish") this.#end();
    else if (control.act === "begin") this.#begin(control);
    else this.#settle(control);
  }

  #newClient(local: number): Client {
    const index = this.#share.first + local;
    const { urls } = this.#settings;
    const url = urls[index % urls.length] ?? "";
    return new Client({ index, url, room: this.#rooms.roomOf(this.#share, local), owner: this });
  }

  #begin({ phase, name, seconds }: Control): void {
    this.#report = null;
    this.#own.reset();
    this.#rooms.reset();
    for (const client of this.#clients) {
      for (const sequence of [client.shared, client.own, client.fromRoom])
        if (sequence.phase < phase) sequence.begin(phase);
    }
    this.#lag.start(name === "storm" ? "connect_lag_ms" : "generator_lag_ms");
    if (name === "storm") this.#storm(phase, seconds);
    if (name === "churn") this.#drops.churn(this.#settings.churnShare);
    if (name === "breaks") this.#drops.breaks(this.#settings.churnShare, this.#settings.hasHistory);
    if (name === "unicast" || name === "mixed") this.#startOwn(phase, seconds);
    if (name === "mixed") this.#rooms.start({ phase, seconds, clients: this.#clients });
  }

  /** What everybody is told takes a while where there are many: it must not count as time that a delivery to one takes. */
  #startOwn(phase: number, seconds: number): void {
    const beganMs = Date.now();
    this.#timers.when(
      () => this.#all.isReached(this.#clients, ({ heardBeginOf }) => heardBeginOf >= phase),
      beganMs + (seconds * 1_000) / 2,
      () => this.#own.start({ phase, seconds: seconds - (Date.now() - beganMs) / 1_000 }),
    );
  }

  #storm(phase: number, seconds: number): void {
    this.#drops.storm(seconds);
    this.#timers.when(
      () => !this.#drops.isUnderWay && this.#areAllReady(),
      Date.now() + seconds * 1_000 + STORM_OVER_MS,
      () => {
        this.#lag.stop();
        this.#countMissing();
        this.#reported(phase);
      },
    );
  }

  #settle({ phase, name, last, skipped }: Control): void {
    this.#drops.stop();
    if (name === "mixed") this.#rooms.ask(this.#clients);
    const endedMs = Date.now();
    const expected = name !== "finish" && isShared(name) ? last : 0;
    let quietSinceMs = endedMs;
    this.#timers.when(
      () => {
        if (this.#hasArrived) quietSinceMs = Date.now();
        this.#hasArrived = false;
        if (Date.now() - quietSinceMs >= LOST_AFTER_MS) return true;
        return Date.now() - endedMs >= SETTLE_MS && this.#isComplete(phase, { expected, skipped });
      },
      endedMs + LATEST_MS,
      () => {
        this.#lag.stop();
        this.#judge(phase, name, { expected, skipped });
        this.#reported(phase);
      },
    );
  }

  #isComplete(phase: number, { expected, skipped }: Expected): boolean {
    if (!this.#own.isDone) return false;
    return this.#all.isReached(
      this.#clients,
      (client) =>
        client.isReady &&
        client.heardEndOf === phase &&
        client.shared.outcome(expected).lost <= skipped &&
        client.own.outcome(this.#own.expectedOf(client)).lost <= this.#own.refusedOf(client) &&
        client.fromRoom.outcome(this.#rooms.expectedOf(client)).lost === 0,
    );
  }

  #judge(phase: number, name: PhaseName | "finish", { expected, skipped }: Expected): void {
    this.#countMissing();
    const isWatched = name === "watch" || name === "churn";
    for (const client of this.#clients) {
      if (!isWatched && client.heardEndOf !== phase) this.meter.count("silent");
      this.#count(client.shared.outcome(expected), skipped);
      this.#count(client.own.outcome(this.#own.expectedOf(client)), this.#own.refusedOf(client));
      this.#count(client.fromRoom.outcome(this.#rooms.expectedOf(client)), 0);
    }
    if (name === "mixed") this.#rooms.judge(this.#clients, this.meter);
  }

  /** What was `refused` was nobody's to deliver. */
  #count({ lost, duplicates, reordered }: SequenceOutcome, refused: number): void {
    this.meter.count("lost", Math.max(0, lost - refused));
    this.meter.count("duplicates", duplicates);
    this.meter.count("reordered", reordered);
  }

  #countMissing(): void {
    for (const client of this.#clients) if (client.wasReady && !client.isReady) this.meter.count("not_back");
  }

  #areAllReady(): boolean {
    return this.#all.isReached(this.#clients, ({ isReady, wasReady }) => isReady || !wasReady);
  }

  /** One is enough to look into; counts say how many there are. */
  #tellOfWaiting(): void {
    const waiting = this.#clients.find(({ isReady }) => !isReady);
    if (waiting !== undefined) console.warn(`client ${waiting.index} still waits for ${waiting.stage}`);
  }

  #reported(phase: number): void {
    this.#tellOfWaiting();
    this.#report = phase;
    if (phase > 0) this.#phasesDone++;
    this.meter.flush();
    void this.#tell();
  }

  async #tell(): Promise<void> {
    if (this.#report === null || this.#hasEnded) return;
    const payload = { crowd: this.#share.number, phase: this.#report };
    const report = { channel: this.#channels.conductor, event: REPORT_EVENT, payload };
    const outcome = await this.#reporter.publish(report);
    this.#unheardSinceMs = outcome === "published" ? null : (this.#unheardSinceMs ?? Date.now());
    if (this.#unheardSinceMs === null || Date.now() - this.#unheardSinceMs < UNHEARD_MS || this.#hasEnded) return;
    this.meter.publish(outcome);
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timers.stopAll();
    this.#lag.stop();
    this.#own.stop();
    this.#drops.stop();
    this.#rooms.stop();
    // A phase of which nothing was heard was not judged, and must not pass for that.
    if (this.#phasesDone < planOf(this.#settings).length) this.meter.count("silent", this.#share.count);
    this.meter.count("finished", this.#share.count);
    for (const client of this.#clients) {
      this.meter.connected(client.wasReady);
      client.end();
    }
    this.meter.end();
  }
}
