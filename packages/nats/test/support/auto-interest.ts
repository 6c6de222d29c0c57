import type { AutoInterestSettings } from "../../src/auto-interest.ts";

/**
 * Changes from the first channel on: every partition gets a wildcard at once, loses it at the next look, and gets it again
 * at the one after. The while that two ways are kept is short, and still long for a server that has to share its machine.
 */
export const RESTLESS: Partial<AutoInterestSettings> = {
  enterChannels: 1,
  leaveChannels: Number.POSITIVE_INFINITY,
  windowMs: 25,
  settleMs: 50,
  restMs: 25,
  maxRestMs: 25,
};
