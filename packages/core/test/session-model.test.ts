import type { SubscribeResult } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { createApp, NOTHING, settled, TestNode } from "./support/test-node.ts";

const SESSIONS = 3;
const CHANNELS = ["a", "b"];

const place = { session: fc.nat({ max: SESSIONS - 1 }), channel: fc.constantFrom(...CHANNELS) };
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("subscribe" as const), ...place }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("unsubscribe" as const), ...place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("settle" as const),
      outcome: fc.constantFrom("stands" as const, "refused" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), session: place.session }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat({ max: 800 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What one session was told last about one channel. */
interface Told {
  answer: SubscribeResult | null;
}

/** Some sessions on a slow bus, and what they have been told. */
class SessionsUnderTest {
  readonly test = new TestNode({ lingerMs: 500 });
  readonly connections = Array.from({ length: SESSIONS }, () => this.test.connect(createApp()));
  readonly #told = this.connections.map(() => new Map<string, Told>());

  constructor() {
    this.test.bus.isSlow = true;
  }

  /** Takes one step and nothing more: promises settle in turns. */
  act(each: Exclude<Step, { kind: "turn" }>): void {
    if (each.kind === "advance") this.test.clock.advance(each.ms);
    else if (each.kind === "settle") this.test.bus.settle(each.outcome);
    else if (each.kind === "close") this.#close(each.session);
    else if (each.kind === "unsubscribe") this.#unsubscribe(each.session, each.channel);
    else this.#subscribe(each.session, each.channel);
  }

  /** Channels whose subscription was accepted and not undone. */
  acceptedOf(index: number): string[] {
    return CHANNELS.filter((channel) => this.#told[index]?.get(channel)?.answer?.ok === true);
  }

  #subscribe(index: number, channel: string): void {
    const told: Told = { answer: null };
    const answer = this.connections[index]?.session.subscribe({ channel });
    if (answer instanceof Promise) void answer.then((later) => Object.assign(told, { answer: later }));
    else if (answer !== undefined) told.answer = answer;
    this.#told[index]?.set(channel, told);
  }

  #unsubscribe(index: number, channel: string): void {
    this.connections[index]?.session.unsubscribe(channel);
    this.#told[index]?.delete(channel);
  }

  #close(index: number): void {
    this.connections[index]?.session.onClosed();
    this.#told[index]?.clear();
  }
}

it("Session › what was accepted and not undone is heard once, all else never, and nothing is left in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const sessions = new SessionsUnderTest();
      const { test, connections } = sessions;
      for (const each of steps) {
        if (each.kind === "turn") await settled();
        else sessions.act(each);
      }
      while (test.bus.waiting > 0) test.bus.settle("stands");
      await settled();

      for (const channel of CHANNELS) await test.publish(channel);
      for (const [index, { texts, session }] of connections.entries()) {
        const accepted = sessions.acceptedOf(index);
        expect(texts).toEqual(accepted.map((channel) => `plain ${channel} e 1`));
        expect(session.subscriptionCount).toBe(accepted.length);
        session.onClosed();
      }
      test.clock.advance(1000);
      expect(test.leftovers()).toEqual(NOTHING);
    }),
    { numRuns: 300 },
  );
});
