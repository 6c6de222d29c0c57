import type { ClusterAnswers } from "../cluster/cluster.ts";
import type { ChannelAddress } from "../ports/bus.ts";
import { type PresenceUser, presenceUserRow, presenceUsersOf } from "./presence-delta.ts";

/**
 * How nodes ask each other for their parts of presence channels: a question lists channels, each with the version that is
 * known; an answer has those which are of another version, whole.
 */

/** Most channels in one question. */
const MAX_CHANNELS_ASKED = 500;

/** Most bytes of channels in one question, which any link takes with what is around them. */
const MAX_ASKED_BYTES = 60_000;

/** What a channel takes in a question besides its names, which are ASCII: their lengths, and a version. */
const ASKED_OVERHEAD_BYTES = 16;

/** Most users in one row: with ids of 128 characters and 1 KB of information each, a row stays far below a message. */
const USERS_PER_ROW = 20;

/** A channel that is asked about. */
export interface AskedChannel extends ChannelAddress {
  /** Version of the asked node's part that is known; 0: none. */
  readonly version: number;
}

/** One node's whole part of one channel. */
export interface NodePart extends ChannelAddress {
  readonly version: number;
  readonly users: readonly PresenceUser[];
}

/** Cuts what is to be asked about into questions. */
export function toQuestions<T>(asked: readonly T[], addressOf: (each: T) => ChannelAddress): T[][] {
  const questions: T[][] = [];
  let bytes = 0;
  for (const each of asked) {
    const { appId, channel } = addressOf(each);
    bytes += appId.length + channel.length + ASKED_OVERHEAD_BYTES;
    const last = questions.at(-1);
    if (last !== undefined && last.length < MAX_CHANNELS_ASKED && bytes <= MAX_ASKED_BYTES) {
      last.push(each);
      continue;
    }
    questions.push([each]);
    bytes = appId.length + channel.length + ASKED_OVERHEAD_BYTES;
  }
  return questions;
}

/** A question as it travels. */
export function encodeAsked(channels: readonly AskedChannel[]): unknown {
  return channels.map(({ appId, channel, version }) => [appId, channel, version]);
}

/** Reads a question; channels that can't be read are left out. */
export function decodeAsked(body: unknown): AskedChannel[] {
  if (!Array.isArray(body)) return [];
  return body.flatMap((row: unknown): AskedChannel[] => {
    if (!Array.isArray(row)) return [];
    const [appId, channel, version] = row as readonly unknown[];
    const isRead = typeof appId === "string" && typeof channel === "string" && typeof version === "number";
    return isRead ? [{ appId, channel, version }] : [];
  });
}

/** An answer as it travels: each part one row, or several with the same version where it is long. */
export function encodeParts(parts: readonly NodePart[]): unknown[] {
  return parts.flatMap(({ appId, channel, version, users }) => {
    const rows: unknown[] = [];
    for (let from = 0; from === 0 || from < users.length; from += USERS_PER_ROW) {
      rows.push([appId, channel, version, users.slice(from, from + USERS_PER_ROW).map(presenceUserRow)]);
    }
    return rows;
  });
}

/** Reads the rows of one node's answer; what can't be read is left out. */
export function decodeParts(rows: ClusterAnswers["answers"][number]["parts"]): NodePart[] {
  const parts = new Map<string, { appId: string; channel: string; version: number; users: PresenceUser[] }>();
  for (const row of rows) {
    if (!Array.isArray(row)) continue;
    const [appId, channel, version, userRows] = row as readonly unknown[];
    const users = presenceUsersOf(userRows);
    if (typeof appId !== "string" || typeof channel !== "string" || typeof version !== "number" || users === null)
      continue;
    const key = `${appId}/${channel}`;
    const part = parts.get(key);
    if (part?.version === version) part.users.push(...users);
    else parts.set(key, { appId, channel, version, users });
  }
  return [...parts.values()];
}
