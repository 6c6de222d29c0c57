import type { BlockGuard } from "./blocks/block-guard.ts";
import type { ChannelRegistry } from "./channel-registry.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { EventPublisher } from "./event-publisher.ts";
import type { ExpiryWheel } from "./expiry-wheel.ts";
import type { HistoryAccess } from "./history-access.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import type { HistoryReader } from "./history-reader.ts";
import type { Hub } from "./hub.ts";
import type { Authorizer } from "./ports/authorizer.ts";
import type { Clock } from "./ports/clock.ts";
import type { GossipPresence } from "./presence/gossip-presence.ts";
import type { Publishing } from "./publishing.ts";
import type { Receipts } from "./receipts.ts";
import type { Recovery } from "./recovery.ts";
import type { Session } from "./session.ts";
import type { Subscribing } from "./subscribing.ts";
import type { OnlineUsers } from "./users/online-users.ts";
import type { UserQuota } from "./users/user-quota.ts";
import type { WebhookSources } from "./webhooks/webhook-sources.ts";

/** What belongs to the histories of a node's channels. */
export interface HistoryServices {
  readonly reader: HistoryReader;
  readonly keeper: HistoryKeeper;
  readonly recovery: Recovery;
  readonly access: HistoryAccess;
}

/** What the sessions of a node share. */
export interface NodeServices {
  readonly clock: Clock;
  readonly authorizer: Authorizer;
  readonly connections: ConnectionTable;
  readonly channels: ChannelRegistry;
  readonly hub: Hub;
  readonly events: EventPublisher;
  /** null where no channel has a history. */
  readonly history: HistoryServices | null;
  /** null where nobody is told who is on presence channels. */
  readonly presence: GossipPresence | null;
  readonly quota: UserQuota;
  /** null where nobody can be blocked. */
  readonly blocks: BlockGuard | null;
  /** null where there is no cluster to ask for receipts. */
  readonly receipts: Receipts | null;
  /** null where no app is told of anything. */
  readonly webhooks: WebhookSources | null;
  readonly subscribing: Subscribing;
  readonly publishing: Publishing;
  /** Who has signed in, here and elsewhere. */
  readonly online: OnlineUsers;
  /** Sessions by when they end unless a (newer) connection token comes. */
  readonly expiries: ExpiryWheel<Session>;
}
