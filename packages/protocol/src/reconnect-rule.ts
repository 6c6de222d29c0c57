/** What a client does after a close code. */
export type ReconnectRule = "never" | "backoff" | "immediate";

/**
 * The rule that a close code carries. 4000–4099: do not come back unchanged. 4100–4199: come back after a growing, jittered
 * delay. 4200–4299: come back at once (or after the delay of a `reconnect` push). Others, such as 1006 and 1012: as 41xx.
 */
export function reconnectRule(closeCode: number): ReconnectRule {
  if (closeCode >= 4000 && closeCode < 4100) return "never";
  if (closeCode >= 4200 && closeCode < 4300) return "immediate";
  return "backoff";
}
