import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { describeAppends } from "./describe-history-append.ts";
import { describeHistoryModel, describeHistoryRaces } from "./describe-history-model.ts";
import { describeReads } from "./describe-history-read.ts";
import { type HistoryHarness, HistorySuite } from "./describe-history-suite.ts";
import { describeTrim } from "./describe-history-trim.ts";

/**
 * The contract of {@link HistoryStore}, as tests: what the comments of the port promise, on every implementation alike. Tests
 * share one backbone and keep apart by the id of the app.
 *
 * @example
 * describeHistory("MemoryHistory", async () => new MemoryHistoryHarness());
 */
export function describeHistory(name: string, createHarness: () => Promise<HistoryHarness>): void {
  describe(`HistoryStore contract: ${name}`, () => {
    const suite = new HistorySuite(createHarness);
    beforeAll(() => suite.start());
    afterEach(() => suite.closeNodes());
    afterAll(() => suite.stop());
    describeAppends(suite);
    describeReads(suite);
    describeTrim(suite);
    describeHistoryModel(suite);
    describeHistoryRaces(suite);
  });
}
