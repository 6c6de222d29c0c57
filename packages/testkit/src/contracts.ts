export { type BlockStoreHarness, type BlockStoreNode, describeBlockStore } from "./describe-block-store.ts";
export { describeBus } from "./describe-bus.ts";
export { RecordingReceiver } from "./describe-bus-receiver.ts";
export type { BusHarness } from "./describe-bus-suite.ts";
export { type ClusterLinkHarness, describeClusterLink } from "./describe-cluster-link.ts";
export { describeHistory } from "./describe-history.ts";
export { type HistoryHarness, type HistoryNode, StampedReceiver } from "./describe-history-suite.ts";
export { describeWebhookQueue } from "./describe-webhook-queue.ts";
export { entryOf, laneFor, type WebhookQueueHarness } from "./describe-webhook-queue-suite.ts";
