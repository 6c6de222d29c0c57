import type { SubscribeResult } from "@carillon/core";
import type {
  FailedChannel,
  PresenceReport,
  SubscribeCommand,
  SubscribedFrame,
  SubscribedHistory,
} from "@carillon/protocol";
import { fitCatchUp } from "../fit-catch-up.ts";
import { PresenceReports } from "./presence-reply.ts";

/** What a subscribe is answered, and what is to be written right behind the answer. */
export interface SubscribeAnswer {
  readonly frame: SubscribedFrame;
  /** Channels that could not be subscribed to, for one channel too. */
  readonly errors: readonly FailedChannel[];
  /** How many channels stand. */
  readonly standing: number;
  /** Deliveries of what the client missed. */
  readonly past: readonly Uint8Array[];
}

const NONE: readonly never[] = [];

/**
 * Joins the channels of an accepted subscribe and says so. What this returns must be written in the same turn of the event
 * loop. `maxPastBytes`: how much of the past may be written; a channel whose past is larger is not recovered.
 */
export function answerSubscribe(
  command: SubscribeCommand,
  results: readonly SubscribeResult[],
  maxPastBytes: number,
): SubscribeAnswer {
  const plain = plainAnswer(command, results);
  if (plain !== null) return plain;
  const channels: string[] = [];
  const errors: FailedChannel[] = [];
  const histories: ({ readonly channel: string } & SubscribedHistory)[] = [];
  const presences: ({ readonly channel: string } & PresenceReport)[] = [];
  const reports = new PresenceReports();
  const past: Uint8Array[] = [];
  let leftBytes = maxPastBytes;
  for (const [index, { channel, recover }] of command.targets.entries()) {
    const result = results[index] as SubscribeResult;
    const joined = result.ok ? (result.value?.join() ?? null) : result;
    if (joined !== null && !joined.ok) {
      errors.push({ channel, code: joined.code, message: joined.message });
      continue;
    }
    channels.push(channel);
    const roster = joined?.value.roster;
    // A channel may be named many times, and who is there may be long.
    if (roster !== undefined && !presences.some((each) => each.channel === channel)) {
      presences.push({ channel, ...reports.next(roster, joined?.value.me) });
    }
    if (joined !== null && joined.value.position !== undefined) {
      const { told, frames } = fitCatchUp(joined.value, leftBytes, recover !== undefined);
      for (const frame of frames) leftBytes -= frame.length;
      past.push(...frames);
      histories.push({ channel, ...told });
    } else if (recover !== undefined) {
      histories.push({ channel, recovered: false, reason: "no_history" });
    }
  }
  const frame = frameOf(command, { channels, errors, histories, presences });
  return { frame, errors, standing: channels.length, past };
}

/** That of one channel with nothing to tell about it, as nearly all are when thousands come back at once; null for any other. */
function plainAnswer(
  { id, isMany, targets }: SubscribeCommand,
  [result]: readonly SubscribeResult[],
): SubscribeAnswer | null {
  const [target] = targets;
  if (isMany || target === undefined || target.recover !== undefined) return null;
  if (result === undefined || !result.ok || result.value !== undefined) return null;
  const { channel } = target;
  const frame: SubscribedFrame =
    id === undefined ? { type: "subscribed", channel } : { type: "subscribed", id, channel };
  return { frame, errors: NONE, standing: 1, past: NONE };
}

function frameOf(
  { id, isMany }: SubscribeCommand,
  {
    channels,
    errors,
    histories,
    presences,
  }: Required<Pick<SubscribedFrame, "channels" | "errors" | "histories" | "presences">>,
): SubscribedFrame {
  const base = { type: "subscribed", ...(id === undefined ? {} : { id }) } as const;
  if (!isMany) {
    const { channel: _, ...presence } = presences[0] ?? {};
    const only = channels[0] === undefined ? {} : { channel: channels[0] };
    return {
      ...base,
      ...only,
      ...histories[0],
      ...(presences[0] === undefined ? {} : { presence: presence as PresenceReport }),
    };
  }
  return {
    ...base,
    channels,
    ...(errors.length > 0 ? { errors } : {}),
    ...(histories.length > 0 ? { histories } : {}),
    ...(presences.length > 0 ? { presences } : {}),
  };
}
