import { USUAL_DURATION_SECONDS, usualRampSeconds, usualRate } from "../k6/lib/settings.ts";

/**
 * What one connect and one delivery cost, in seconds of a core, with k6 and all it tests on the same machine. Seen with 50,000 clients
 * on two cores; k6 is two thirds of both.
 */
const CONNECT_COST = 0.001_2;
const DELIVERY_COST = 0.000_08;
/** What a connect over SSE costs of that: a stream, a call that subscribes, and as much again for a session that is ended. */
const SSE_CONNECTS = 2;
/** The part of all cores that connecting, and that publishes to all, may take: both come in waves, and timers must be on time. */
const CONNECT_SHARE = 0.6;
const BROADCAST_SHARE = 0.3;
/** A storm that the cores get over with in so many seconds comes all at once. */
const SUDDEN_STORM_SECONDS = 5;
/** A phase with publishes to all has at least so many. */
const LEAST_BROADCASTS = 3;

/** Settings of the load that are chosen for the user. */
export interface LocalPlan {
  /** Those that differ from the usual ones. */
  readonly variables: Readonly<Record<string, string>>;
  /** The same for the report; null where nothing differs. */
  readonly text: string | null;
}

/**
 * What this machine can ask of itself where it runs both the system and the clients: slower than usual where it has few cores for so many clients.
 * Never faster than usual, and nothing that was `given` is changed.
 */
export function planLocally(clients: number, cores: number, given: Readonly<Record<string, string>>): LocalPlan {
  const connectCost = clients * CONNECT_COST * (given["SCENARIO"] === "sse" ? SSE_CONNECTS : 1);
  const connectSeconds = Math.ceil(connectCost / (cores * CONNECT_SHARE));
  const isSudden = connectCost / cores <= SUDDEN_STORM_SECONDS;
  const mostRate = (cores * BROADCAST_SHARE) / (clients * DELIVERY_COST);
  const rate = Number(Math.min(usualRate(clients), mostRate).toPrecision(2));
  // A rate that was given may be wrong, of which the user is told elsewhere.
  const broadcastRate = Number(given["RATE"] || rate) || rate;
  const values: Readonly<Record<string, readonly [number, number]>> = {
    RAMP: [usualRampSeconds(clients), Math.max(usualRampSeconds(clients), connectSeconds)],
    RATE: [Number(usualRate(clients).toPrecision(2)), rate],
    DURATION: [USUAL_DURATION_SECONDS, Math.max(USUAL_DURATION_SECONDS, Math.ceil(LEAST_BROADCASTS / broadcastRate))],
    STORM_SPREAD: [0, isSudden ? 0 : connectSeconds],
  };
  const chosen = Object.entries(values).filter(([name, [usual, value]]) => usual !== value && !given[name]);
  const variables = Object.fromEntries(chosen.map(([name, [, value]]) => [name, String(value)]));
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const text = `Chosen for ${clients} clients on ${cores} cores that run everything: ${words.join(" ")}`;
  return { variables, text: words.length === 0 ? null : text };
}
