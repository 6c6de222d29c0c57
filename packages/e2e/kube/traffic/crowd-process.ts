// A process with many clients. Its parent tells it what to do over the channel between them.
import type { WebSocketConstructor } from "@carillon/client";
import { sourceAddress } from "./client-host.ts";
import { CrowdMember, setPusherSockets } from "./crowd-member.ts";
import type { CrowdAnswer, CrowdOrder } from "./crowd-messages.ts";
import { sourcedSockets } from "./sourced-socket.ts";
import { emptyTally } from "./tally.ts";

const tally = emptyTally();
const members: CrowdMember[] = [];
const bySource = new Map<string, CrowdMember>();
let fronts: readonly string[] = [];
let isClosing = false;

const WebSocket = sourcedSockets({
  tally,
  fronts: () => fronts,
  isClosing: () => isClosing,
  onLost: (source) => bySource.get(source)?.onLost(),
}) as unknown as WebSocketConstructor;
setPusherSockets(WebSocket);

function start({ key, first, count, channels, spreadMs }: Extract<CrowdOrder, { kind: "start" }>): void {
  for (let index = 0; index < count; index++) {
    const number = first + index;
    const channel = number % channels;
    setTimeout(
      () => {
        const member = new CrowdMember({
          number,
          key,
          // Neighbours share a channel, so that each has clients of both kinds.
          kind: Math.floor(number / channels) % 2 === 0 ? "native" : "pusher",
          historyChannel: `history-${channel}`,
          plainChannel: `plain-${channel}`,
          tally,
          WebSocket,
        });
        members.push(member);
        bySource.set(sourceAddress(number), member);
      },
      (spreadMs * index) / count,
    );
  }
}

function answer(last: Readonly<Record<string, number>>): void {
  const behind = members.filter((each) => (each.history.last ?? 0) < (last[each.historyChannel] ?? 0)).length;
  const standing = members.filter((each) => each.isStanding).length;
  process.send?.({ tally: { ...tally, standing }, behind } satisfies CrowdAnswer);
}

function finish(last: Readonly<Record<string, number>>): void {
  for (const each of members) {
    each.history.onEnd(last[each.historyChannel] ?? 0);
    each.plain.onEnd(last[each.plainChannel] ?? 0);
  }
}

process.on("message", (order: CrowdOrder) => {
  switch (order.kind) {
    case "start":
      start(order);
      break;
    case "fronts":
      fronts = order.fronts;
      break;
    case "ask":
      answer(order.last ?? {});
      break;
    case "reset":
      Object.assign(tally, emptyTally());
      break;
    case "finish":
      finish(order.last);
      answer(order.last);
      break;
    case "stop":
      isClosing = true;
      for (const each of members) each.close();
      process.disconnect();
      break;
    default:
      order satisfies never;
  }
});
