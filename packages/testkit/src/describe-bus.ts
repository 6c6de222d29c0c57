import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { describeDelivery } from "./describe-bus-delivery.ts";
import { describeIdempotency } from "./describe-bus-idempotency.ts";
import { describeInterest, describeNames } from "./describe-bus-interest.ts";
import { describeLife, describeOutage } from "./describe-bus-life.ts";
import { type BusHarness, BusSuite } from "./describe-bus-suite.ts";
import { describeTraces } from "./describe-bus-traces.ts";

/**
 * The contract of {@link Bus}, as tests: what the comments of the port promise, on every implementation alike. Tests share
 * one backbone and keep apart by the id of the app.
 *
 * @example
 * describeBus("MemoryBus", async () => new MemoryHarness());
 */
export function describeBus(name: string, createHarness: () => Promise<BusHarness>): void {
  describe(`Bus contract: ${name}`, () => {
    const suite = new BusSuite(createHarness);
    beforeAll(() => suite.start());
    afterEach(() => suite.closeNodes());
    afterAll(() => suite.stop());
    describeDelivery(suite);
    describeInterest(suite);
    describeIdempotency(suite);
    describeTraces(suite);
    describeNames(suite);
    describeLife(suite);
    describeOutage(suite);
  });
}
