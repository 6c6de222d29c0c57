import { ChannelTruth } from "./channel-truth.ts";
import { PresenceWitness } from "./presence-witness.ts";
import type { Noted } from "./run-record.ts";
import { Witness } from "./witness.ts";

/** What was promised in a run. */
export interface Promised {
  /** Newest events that are kept of a channel. */
  readonly keptOf: (channel: string) => number;
  /** Largest share of recoveries that may fail although what was asked for was still kept. */
  readonly maxUnprovenShare: number;
}

/** What a run came to. */
export interface Verdict {
  /** What must not have happened, as sentences; none in a good run. */
  readonly violations: readonly string[];
  readonly acknowledged: number;
  readonly delivered: number;
  /** Recoveries that were told `recovered: true`. */
  readonly recovered: number;
  /** Recoveries that were told `recovered: false` because what was asked for was really kept no more. */
  readonly justified: number;
  /** Recoveries, and gaps, where the proof was missing though the event was kept, by reason. */
  readonly unproven: ReadonlyMap<string, number>;
}

/**
 * Judges a run by what was seen from outside: what publishers were told, what clients were told, and what they got.
 *
 * Each stretch of a client on a channel in which it was never told that something is missing must hold every acknowledged
 * event of that stretch once and in the order of the stream; at the end everybody must stand at the head. Of presence, each
 * guest must have been told each coming and going once, and see at the end who is there.
 */
export function judge(events: readonly Noted[], promised: Promised): Verdict {
  const truths = collectTruths(events);
  const witnesses = new Map<string, Witness>();
  const witnessOf = ({ client, channel }: { readonly client: number; readonly channel: string }) => {
    const key = `${client}/${channel}`;
    const known = witnesses.get(key);
    if (known !== undefined) return known;
    const truth = truths.get(channel) ?? new ChannelTruth();
    const witness = new Witness({ name: `client ${client} on ${channel}`, truth, kept: promised.keptOf(channel) });
    witnesses.set(key, witness);
    return witness;
  };
  let delivered = 0;
  for (const event of events) {
    if (event.kind === "subscribed") witnessOf(event).onSubscribed(event);
    else if (event.kind === "gap") witnessOf(event).onGap(event);
    else if (event.kind === "delivered") {
      delivered++;
      witnessOf(event).onDelivered(event);
    }
  }
  for (const witness of witnesses.values()) witness.onEnd();
  const presence = violationsOfPresence(events);
  return sumUp({ truths, witnesses: [...witnesses.values()], delivered, presence }, promised);
}

interface Seen {
  readonly truths: ReadonlyMap<string, ChannelTruth>;
  readonly witnesses: readonly Witness[];
  readonly delivered: number;
  /** What was wrong with presence. */
  readonly presence: readonly string[];
}

function sumUp({ truths, witnesses, delivered, presence }: Seen, promised: Promised): Verdict {
  const violations = [...truths].flatMap(([channel, truth]) => truth.violations.map((each) => `${channel}: ${each}`));
  violations.push(...presence);
  const unproven = new Map<string, number>();
  let recovered = 0;
  let justified = 0;
  for (const witness of witnesses) {
    violations.push(...witness.violations);
    recovered += witness.recovered;
    justified += witness.justified;
    for (const [reason, count] of witness.unproven) unproven.set(reason, (unproven.get(reason) ?? 0) + count);
  }
  const unprovenCount = [...unproven.values()].reduce((sum, count) => sum + count, 0);
  const allowed = Math.floor((recovered + justified + unprovenCount) * promised.maxUnprovenShare);
  if (unprovenCount > allowed) {
    const reasons = JSON.stringify(Object.fromEntries(unproven));
    violations.push(`${unprovenCount} recoveries failed though all was kept (${reasons}); ${allowed} are allowed`);
  }
  const acknowledged = [...truths.values()].reduce((sum, truth) => sum + truth.acknowledged, 0);
  return { violations, acknowledged, delivered, recovered, justified, unproven };
}

function violationsOfPresence(events: readonly Noted[]): readonly string[] {
  const witnesses = new Map<number, PresenceWitness>();
  for (const event of events) {
    if (event.kind !== "entered" && event.kind !== "changed" && event.kind !== "settled") continue;
    const witness = witnesses.get(event.client) ?? new PresenceWitness(`guest ${event.client} on ${event.channel}`);
    witnesses.set(event.client, witness);
    if (event.kind === "entered") witness.onEntered(event);
    else if (event.kind === "changed") witness.onChanged(event);
    else witness.onEnd(event.present);
  }
  return [...witnesses.values()].flatMap(({ violations }) => violations);
}

function collectTruths(events: readonly Noted[]): ReadonlyMap<string, ChannelTruth> {
  const truths = new Map<string, ChannelTruth>();
  for (const event of events) {
    if (event.kind !== "acknowledged" && event.kind !== "delivered") continue;
    let truth = truths.get(event.channel);
    if (truth === undefined) {
      truth = new ChannelTruth();
      truths.set(event.channel, truth);
    }
    truth.add(event);
  }
  return truths;
}
