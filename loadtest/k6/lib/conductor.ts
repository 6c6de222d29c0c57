import { clearInterval, setInterval, setTimeout } from "k6/timers";
import type { Channels } from "./channels.ts";
import type { Dialect } from "./dialect.ts";
import type { Control, Report } from "./incoming.ts";
import { CONTROL_EVENT, NUMBERED_EVENT } from "./incoming.ts";
import type { Link, OpenLink } from "./link.ts";
import type { Meter } from "./meter.ts";
import { numberedText } from "./numbered.ts";
import { isShared } from "./phases.ts";
import type { PlannedPhase } from "./plan.ts";
import { planOf, reportSeconds } from "./plan.ts";
import type { Publisher } from "./publisher.ts";
import type { LoadSettings } from "./settings.ts";

const POLL_MS = 100;
const TICK_MS = 10;
const MOST_OUTSTANDING = 64;
/** How long a publish that can be repeated is repeated. */
const REPEAT_MS = 15_000;
const REPEAT_PAUSE_MS = 250;
const CONTROL_REPEATS = 3;

interface ConductorOptions {
  readonly settings: LoadSettings;
  readonly channels: Channels;
  /** The native protocol, whatever the clients speak. */
  readonly dialect: Dialect;
  readonly openLink: OpenLink;
  readonly meter: Meter;
  readonly publisher: Publisher;
}

/** Leads all crowds, in however many processes, through the phases of a run, and publishes to everybody. There is one. */
export class Conductor {
  readonly #options: ConductorOptions;
  /** By crowd: the last phase that it reported on. */
  readonly #reports = new Map<number, number>();
  #link: Link | null = null;
  #dials = 0;
  #isConnected = false;
  #hasEnded = false;
  #last = 0;
  #skipped = 0;

  constructor(options: ConductorOptions) {
    this.#options = options;
  }

  /** Leads the whole run. */
  async run(): Promise<void> {
    const { settings, meter } = this.#options;
    const flushing = setInterval(() => meter.flush(), 500);
    this.#connect();
    meter.phase(0);
    await this.#reported(0, settings.rampSeconds + settings.connectSeconds + 5);
    // Without a connection of its own it would lead nobody: clients that are there to hear it say that they heard nothing.
    for (const phase of this.#isConnected ? planOf(settings) : []) {
      meter.phase(phase.number);
      if (!(await this.#lead(phase))) break;
    }
    await this.#tell({ act: "finish", phase: 0, name: "finish", seconds: 0, last: 0, skipped: 0 });
    clearInterval(flushing);
    this.#hasEnded = true;
    this.#link?.close();
    meter.end();
  }

  /** Resolves with false when nobody could be told that it begins: with a wrong secret, nobody ever can. */
  async #lead(phase: PlannedPhase): Promise<boolean> {
    const { number, name, seconds } = phase;
    this.#last = 0;
    this.#skipped = 0;
    if (!(await this.#tell({ act: "begin", phase: number, name, seconds, last: 0, skipped: 0 }))) return false;
    if (isShared(name)) await this.#publishAll(phase);
    else await pause(seconds * 1_000);
    // Who has lost its connection can't hear, and reports when it is back.
    if (name !== "storm")
      await this.#tell({ act: "end", phase: number, name, seconds, last: this.#last, skipped: this.#skipped });
    await this.#reported(number, reportSeconds(name));
    return true;
  }

  async #publishAll({ number: phase, name, seconds }: PlannedPhase): Promise<void> {
    const { rate } = this.#options.settings;
    const beganMs = Date.now();
    // The first comes half an interval later than the word that a phase begins, which costs clients as much as a publication.
    const ahead = 1 - Math.min(0.5, (seconds * rate) / 2);
    let outstanding = 0;
    for (let passedMs = 0; passedMs < seconds * 1_000; passedMs = Date.now() - beganMs) {
      const due = Math.min((passedMs / 1_000) * rate - this.#last + ahead, MOST_OUTSTANDING - outstanding);
      for (let each = 1; each <= due; each++) {
        outstanding++;
        void this.#publishOne(phase, ++this.#last, name === "watch").then(() => {
          outstanding--;
        });
      }
      await pause(TICK_MS);
    }
    while (outstanding > 0) await pause(TICK_MS);
  }

  async #publishOne(phase: number, number: number, isRepeatable: boolean): Promise<void> {
    const { settings, channels, meter, publisher } = this.#options;
    const publication = {
      channel: channels.shared,
      event: NUMBERED_EVENT,
      payload: numberedText({ kind: "S", phase, number, atMs: Date.now(), target: 0 }, settings.payloadBytes),
      // While publishers are replaced, a call may have no answer: its id makes it safe to repeat.
      ...(isRepeatable ? { id: `load-${settings.run}-${phase}-${number}` } : {}),
    };
    const giveUpMs = Date.now() + (isRepeatable ? REPEAT_MS : 0);
    let outcome = await publisher.publish(publication);
    while (outcome !== "published" && Date.now() < giveUpMs) {
      await pause(REPEAT_PAUSE_MS);
      outcome = await publisher.publish(publication);
    }
    meter.publish(outcome);
    if (outcome !== "published") this.#skipped++;
  }

  /** Resolves with whether it could be said. */
  async #tell(control: Control): Promise<boolean> {
    const { channels, publisher, meter } = this.#options;
    const publication = { channel: channels.shared, event: CONTROL_EVENT, payload: control };
    for (let attempt = 1; ; attempt++) {
      const outcome = await publisher.publish(publication);
      if (outcome === "published") return true;
      if (attempt === CONTROL_REPEATS) {
        meter.publish(outcome);
        return false;
      }
      await pause(REPEAT_PAUSE_MS);
    }
  }

  /** Resolves when all crowds have reported on a phase, or when `seconds` are over. */
  async #reported(phase: number, seconds: number): Promise<void> {
    const { virtualUsers } = this.#options.settings;
    const untilMs = Date.now() + seconds * 1_000;
    const isComplete = (): boolean =>
      this.#isConnected && [...this.#reports.values()].filter((reported) => reported >= phase).length >= virtualUsers;
    while (!isComplete() && Date.now() < untilMs) await pause(POLL_MS);
  }

  #connect(): void {
    const { settings, channels, dialect, openLink } = this.#options;
    // Each time another gateway: were it one that is gone, nobody would hear the reports, and each would be waited for as long as can be.
    const url = settings.urls[this.#dials++ % settings.urls.length] ?? "";
    const link: Link = openLink(url, dialect, {
      opened: () => {
        for (const frame of dialect.subscribe([{ channel: channels.conductor }])) link.send(frame);
      },
      framed: (frame) => {
        const incoming = dialect.read(frame);
        if (incoming.type === "subscribed") this.#isConnected = true;
        if (incoming.type === "report") this.#count(incoming.report);
      },
      // What came meanwhile is told when it goes on.
      interrupted: () => undefined,
      resumed: () => undefined,
      closed: () => {
        this.#isConnected = false;
        if (!this.#hasEnded) setTimeout(() => this.#connect(), REPEAT_PAUSE_MS);
      },
    });
    this.#link = link;
  }

  #count({ crowd, phase }: Report): void {
    this.#reports.set(crowd, Math.max(phase, this.#reports.get(crowd) ?? 0));
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
}
