import { formatPosition, type Joined } from "@carillon/core";
import type { SubscribedHistory } from "@carillon/protocol";

/** What a subscriber is told about its past on a channel, and what of it is written. */
export interface FittedCatchUp {
  readonly told: SubscribedHistory;
  readonly frames: readonly Uint8Array[];
}

/**
 * Fits what a subscriber gets of a channel's past into `limitBytes`. Who wants to recover gets all that was missed or none of it;
 * who rewinds, or begins with the newest event, the newest that fit. Where all is too much on a cache channel, the newest alone.
 */
export function fitCatchUp(
  { position, isRecovered, reason, frames, isCached, endsWithNewest }: Joined,
  limitBytes: number,
  isRecovery: boolean,
): FittedCatchUp {
  const at = position == null ? {} : { position: formatPosition(position) };
  let from = frames.length;
  let bytes = 0;
  while (from > 0 && bytes + (frames[from - 1] as Uint8Array).length <= limitBytes) {
    from--;
    bytes += (frames[from] as Uint8Array).length;
  }
  const fitting = frames.length - from;
  const cached = isCached === undefined ? {} : { cached: isCached && fitting > 0 };
  if (!isRecovery) {
    const rewound = isCached === undefined && fitting > 0 ? { rewound: fitting } : {};
    return { told: { ...at, ...cached, ...rewound }, frames: frames.slice(from) };
  }
  if (from > 0 && isRecovered === true) {
    const lost = { ...at, recovered: false, reason: "too_old" } as const;
    return endsWithNewest ? { told: { ...lost, cached: true }, frames: frames.slice(-1) } : { told: lost, frames: [] };
  }
  return {
    told: {
      ...at,
      ...(isRecovered === undefined ? {} : { recovered: isRecovered }),
      ...(reason === undefined ? {} : { reason }),
      ...cached,
    },
    frames: frames.slice(from),
  };
}
