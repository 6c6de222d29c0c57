import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PARTITION_CHOICE_DEFAULTS, PartitionChoice } from "../src/partition-choice.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const { enterChannels, leaveChannels, restMs, windowMs } = PARTITION_CHOICE_DEFAULTS;

/** A partition that does at once what its choice says. */
class Partition {
  readonly choice = new PartitionChoice(PARTITION_CHOICE_DEFAULTS);
  channels = 0;
  nowMs = 0;
  /** When it got a wildcard, and when it lost one. */
  readonly changes: number[] = [];
  #windowEndsAtMs = windowMs;

  pass(ms: number): void {
    this.nowMs += ms;
    if (this.nowMs < this.#windowEndsAtMs) return;
    this.#windowEndsAtMs = this.nowMs + windowMs;
    this.choice.turn();
    this.look();
  }

  look(): void {
    if (this.choice.isDeserted(this.channels)) this.#leave();
    else if (this.choice.isWorthWildcard(this.channels, this.nowMs)) {
      this.choice.enter(this.nowMs);
      this.changes.push(this.nowMs);
    }
  }

  hear(messages: number, bytes: number): void {
    for (let index = 0; index < messages; index++) {
      if (this.choice.isWildcard && this.choice.spend(bytes, this.channels)) this.#leave();
    }
  }

  #leave(): void {
    this.choice.leave(this.nowMs);
    this.changes.push(this.nowMs);
  }
}

describe("PartitionChoice", () => {
  it("channels › many are worth a wildcard, few are not, and in between it stays as it is", () => {
    const partition = new Partition();
    partition.channels = enterChannels - 1;
    partition.look();
    expect(partition.choice.isWildcard).toBe(false);
    partition.channels = enterChannels;
    partition.look();
    expect(partition.choice.isWildcard).toBe(true);
    partition.channels = leaveChannels;
    partition.look();
    expect(partition.choice.isWildcard).toBe(true);
    partition.channels = leaveChannels - 1;
    partition.look();
    expect(partition.choice.isWildcard).toBe(false);
  });

  it("unwanted › is borne up to what the memory is worth, which is more with more channels and less with longer messages", () => {
    const borne = (channels: number, bytes: number): number => {
      const choice = new PartitionChoice(PARTITION_CHOICE_DEFAULTS);
      choice.enter(0);
      let count = 0;
      while (!choice.spend(bytes, channels)) count++;
      return count / (windowMs / 1000);
    };
    // Messages a second: 225 µs for 390 channels, which 100,000 in 256 partitions are.
    expect(borne(390, 200)).toBeCloseTo(225 / 5.34, 0);
    expect(borne(390, 10_000)).toBeCloseTo(225 / 22, 0);
    expect(borne(enterChannels, 200)).toBeCloseTo(38 / 5.34, 0);
  });

  it("unwanted › a steady rate below the bound goes on for ever", () => {
    const partition = new Partition();
    partition.channels = 390;
    partition.look();
    for (let second = 0; second < 3600; second++) {
      partition.hear(40, 200);
      partition.pass(1000);
    }
    expect(partition.changes).toEqual([0]);
  });

  it("rest › doubles while it stays bad, up to an hour, and is short again after a wildcard that lasted", () => {
    const partition = new Partition();
    partition.channels = 100;
    partition.look();
    for (let second = 0; second < 20 * 3600; second++) {
      partition.hear(1000, 200);
      partition.pass(1000);
    }
    const entered = partition.changes.filter((_, index) => index % 2 === 0);
    const rests = entered.slice(1).map((ms, index) => Math.round((ms - (entered[index] ?? 0)) / MINUTE_MS));
    expect(rests.slice(0, 9)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    while (!partition.choice.isWildcard) partition.pass(1000);
    partition.pass(10 * HOUR_MS);
    partition.hear(10_000, 200);
    expect(partition.choice.isWorthWildcard(100, partition.nowMs + restMs - 1)).toBe(false);
    expect(partition.choice.isWorthWildcard(100, partition.nowMs + restMs)).toBe(true);
  });

  it("law › whatever comes and goes, it doesn't get more than 13 wildcards in an hour", () => {
    const act = fc.record({
      passMs: fc.oneof(fc.nat(2000), fc.nat(15 * MINUTE_MS), fc.constantFrom(restMs, 10 * restMs, 20 * restMs)),
      channels: fc.oneof(fc.constantFrom(0, leaveChannels, enterChannels), fc.nat(1000)),
      messages: fc.oneof(fc.constant(0), fc.nat(500), fc.constant(2000)),
      bytes: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(act, { minLength: 50, maxLength: 400 }), (acts) => {
        const partition = new Partition();
        for (const { passMs, channels, messages, bytes } of acts) {
          partition.channels = channels;
          partition.look();
          partition.hear(messages, bytes);
          partition.pass(passMs);
        }
        const entered = partition.changes.filter((_, index) => index % 2 === 0);
        for (const ms of entered) {
          expect(entered.filter((other) => other >= ms && other < ms + HOUR_MS).length).toBeLessThanOrEqual(13);
        }
      }),
      { numRuns: 300 },
    );
  });
});
