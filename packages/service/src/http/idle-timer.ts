/**
 * uWebSockets.js's timer of silence. Set to T seconds it sends a ping, and cuts the connection a margin later, where both come
 * up to four seconds early, as it looks every four seconds only. The margin is 16 seconds from T = 32 on, 8 or 4 below.
 */
const SHORTEST_WITH_LONG_MARGIN_SECONDS = 32;

/** How much later than the silence that somebody else watches for the timer's end is set. Takes its early cut, and half the margin. */
const LATER_SECONDS = 8;

const LONGEST_SECONDS = 960;

/**
 * Times for which a watch can be exact: the ping is out four seconds before at the latest, so that an answer has time, and the
 * timer's own cut comes four seconds after at the earliest. Shorter ones would be pinged too late.
 */
const WATCHABLE_SECONDS = { min: 20, max: LONGEST_SECONDS - LATER_SECONDS } as const;

/** True when silence of `idleSeconds` can be watched for by somebody else before the server cuts the connection. */
export function isIdleWatchable(idleSeconds: number): boolean {
  return idleSeconds >= WATCHABLE_SECONDS.min && idleSeconds <= WATCHABLE_SECONDS.max;
}

/** What to set the timer to where somebody else watches for silence of `idleSeconds`; the same where that can't be. */
export function watchedTimerSeconds(idleSeconds: number): number {
  if (!isIdleWatchable(idleSeconds)) return idleSeconds;
  return Math.max(SHORTEST_WITH_LONG_MARGIN_SECONDS, idleSeconds + LATER_SECONDS);
}
