import type { FailedChannel, PresenceReport, SubscribedFrame, SubscribedHistory } from "@carillon/protocol";

/** The answer to a subscribe, by channel. */
export interface Answer {
  readonly errors: ReadonlyMap<string, FailedChannel>;
  readonly histories: ReadonlyMap<string, SubscribedHistory>;
  readonly presences: ReadonlyMap<string, PresenceReport>;
}

/** Sorts an answer by channel. */
export function readAnswer({ errors = [], histories = [], presences = [] }: SubscribedFrame): Answer {
  return { errors: byChannel(errors), histories: byChannel(histories), presences: byChannel(presences) };
}

function byChannel<Item extends { readonly channel: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.channel, item]));
}
