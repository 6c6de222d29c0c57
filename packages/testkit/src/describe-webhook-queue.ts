import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { describeDeadLetters } from "./describe-webhook-queue-dead.ts";
import { describeLeases } from "./describe-webhook-queue-leases.ts";
import { describeWebhookWork } from "./describe-webhook-queue-model.ts";
import { type WebhookQueueHarness, WebhookQueueSuite } from "./describe-webhook-queue-suite.ts";

/**
 * The contract of {@link WebhookQueue}, as tests: what the comments of the port promise, on every implementation alike. Tests
 * share one backbone and keep apart by the id of the app.
 *
 * @example
 * describeWebhookQueue("MemoryWebhookQueue", async () => new MemoryHarness());
 */
export function describeWebhookQueue(name: string, createHarness: () => Promise<WebhookQueueHarness>): void {
  describe(`WebhookQueue contract: ${name}`, () => {
    const suite = new WebhookQueueSuite(createHarness);
    beforeAll(() => suite.start());
    afterEach(() => suite.endTest());
    afterAll(() => suite.stop());
    describeLeases(suite);
    describeDeadLetters(suite);
    describeWebhookWork(suite);
  });
}
