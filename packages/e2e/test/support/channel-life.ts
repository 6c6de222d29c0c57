import type { Channel } from "@carillon/client";

/** How a channel is begun with, and what is known of its events by then. */
export type Beginning =
  | { readonly kind: "newest"; readonly count: number }
  | { readonly kind: "since"; readonly number: number };

/** What an application hears of a channel. */
type Heard =
  | { readonly kind: "event"; readonly number: number }
  | { readonly kind: "gap"; readonly reason: string }
  /** `begun`: the number of the last event whose publish had begun. */
  | { readonly kind: "subscribed"; readonly begun: number };

/** One subscription to a channel of numbered events, as its application hears it, from its beginning to its end. */
export class ChannelLife {
  readonly name: string;
  readonly heard: Heard[] = [];
  readonly #beginning: Beginning;
  readonly #stops: readonly (() => void)[];
  #position: string | undefined;
  #isEnded = false;

  constructor(channel: Channel, beginning: Beginning, begun: () => number) {
    this.name = channel.name;
    this.#beginning = beginning;
    this.#stops = [
      channel.bindAll((_event, payload, { position }) => {
        this.heard.push({ kind: "event", number: (payload as { number: number }).number });
        this.#position = position;
      }),
      channel.on("gap", ({ reason }) => this.heard.push({ kind: "gap", reason })),
      channel.on("subscribed", () => this.heard.push({ kind: "subscribed", begun: begun() })),
    ];
  }

  /** The last event that was heard, to begin behind it; null where there was none. */
  get last(): { readonly number: number; readonly position: string | undefined } | null {
    const number = this.#numbersBefore(this.heard.length).at(-1);
    return number === undefined ? null : { number, position: this.#position };
  }

  get gaps(): readonly string[] {
    return this.heard.flatMap((each) => (each.kind === "gap" ? [each.reason] : []));
  }

  end(): void {
    this.#isEnded = true;
    for (const stop of this.#stops) stop();
  }

  /** What was missed without a word, came twice, or came out of order. */
  violations(): readonly string[] {
    const found: string[] = [];
    let expected = this.#beginning.kind === "since" ? this.#beginning.number + 1 : null;
    let isGapTold = false;
    let hasAnswer = false;
    for (const [index, each] of this.heard.entries()) {
      if (each.kind === "gap") isGapTold = true;
      hasAnswer ||= each.kind === "subscribed";
      if (each.kind === "subscribed") expected = this.#expectedAfter(each.begun, expected, index);
      if (each.kind !== "event") continue;
      const { number } = each;
      const isMissed = expected !== null && number > expected && !isGapTold && !this.#isGapTellable(index);
      if (isMissed) found.push(`${number} came where ${expected} had to, and no gap was told`);
      if (this.#numbersBefore(index).some((earlier) => earlier >= number)) found.push(`${number} came too late`);
      // What comes before the answer may be of an earlier subscription, where there is no history.
      expected = this.#position === undefined && !hasAnswer ? null : number + 1;
      isGapTold = false;
    }
    return found.map((violation) => `${this.name}: ${violation} ${JSON.stringify([this.#beginning, this.heard])}`);
  }

  /**
   * What has to come after an answer at the latest: where nothing was asked for, the first that is published after it. Who asked for the newest
   * and has got none yet asks for them anew.
   */
  #expectedAfter(begun: number, expected: number | null, index: number): number {
    const isFirst = this.#numbersBefore(index).length === 0;
    if (this.#beginning.kind === "since" || !isFirst) return expected ?? begun + 1;
    if (this.#beginning.count > 0) return Math.max(1, begun + 1 - this.#beginning.count);
    return expected ?? begun + 1;
  }

  #numbersBefore(index: number): readonly number[] {
    return this.heard.slice(0, index).flatMap((each) => (each.kind === "event" ? [each.number] : []));
  }

  /** On channels without history the first events may come a moment before the answer, and with it the gap (N14); or the end before both. */
  #isGapTellable(index: number): boolean {
    if (this.#position !== undefined) return false;
    const answer = this.heard.findIndex(({ kind }, at) => at > index && kind === "subscribed");
    return answer === -1 ? this.#isEnded : this.heard[answer + 1]?.kind === "gap";
  }
}
