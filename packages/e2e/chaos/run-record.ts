/** A place in a channel's history, as it stands on the wire: `EPOCH:OFFSET`, or `EPOCH:OFFSET:TIME` where it was empty. */
export type PositionText = string;

/** A publish that was answered as accepted. */
export interface Acknowledged {
  readonly kind: "acknowledged";
  readonly channel: string;
  readonly writer: number;
  /** Counts up by one for each event of the writer, over all channels. */
  readonly number: number;
  readonly position: PositionText;
}

/** A client was told that it is subscribed. */
export interface Subscribed {
  readonly kind: "subscribed";
  readonly client: number;
  readonly channel: string;
  /** Where it stands; null when the gateway could not tell. */
  readonly position: PositionText | null;
  /** From which position the client asked to recover; null: it did not ask. */
  readonly asked: PositionText | null;
  /** What it was told; null when it did not ask. */
  readonly recovered: boolean | null;
  /** Why not, "" otherwise. */
  readonly reason: string;
}

/** A client got an event. */
export interface Delivered {
  readonly kind: "delivered";
  readonly client: number;
  readonly channel: string;
  /** Null when it came without one: the gateway had not reached the store yet. */
  readonly position: PositionText | null;
  readonly writer: number;
  readonly number: number;
}

/** A client was told, while subscribed, that it missed something for good. */
export interface GapTold {
  readonly kind: "gap";
  readonly client: number;
  readonly channel: string;
  /** Where it stands now; null when the gateway could not tell. */
  readonly position: PositionText | null;
}

/** A guest came to a presence channel, and was told who is there. */
export interface Entered {
  readonly kind: "entered";
  readonly client: number;
  readonly channel: string;
  /** With itself. */
  readonly members: readonly string[];
}

/** A guest was told who came and who left. */
export interface Changed {
  readonly kind: "changed";
  readonly client: number;
  readonly channel: string;
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

/** All has been whole for long enough: a guest that stays sees exactly those who are there. */
export interface Settled {
  readonly kind: "settled";
  readonly client: number;
  readonly channel: string;
  readonly present: readonly string[];
}

/** Something that is only there to be read by people. */
export interface Note {
  readonly kind: "note";
  readonly text: string;
}

/** Whatever happened in a run. */
export type RunEvent = Acknowledged | Subscribed | Delivered | GapTold | Entered | Changed | Settled | Note;

/** A happening and when it was noted, in ms since the run began. */
export type Noted<Event extends RunEvent = RunEvent> = Event & { readonly atMs: number };

/** Everything that happened in a run, in the order in which it was seen. */
export class RunRecord {
  readonly #events: Noted[] = [];
  readonly #startMs = performance.now();

  get events(): readonly Noted[] {
    return this.#events;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  add(event: RunEvent): void {
    this.#events.push({ atMs: Math.round(this.elapsedMs), ...event });
  }

  note(text: string): void {
    this.add({ kind: "note", text });
  }

  /** One JSON object a line. */
  toText(): string {
    return this.#events.map((event) => `${JSON.stringify(event)}\n`).join("");
  }
}
