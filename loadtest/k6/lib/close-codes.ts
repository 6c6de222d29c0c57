/** Close codes that say not to come back, and those that say to do so without waiting: from, and below. */
const FINAL_CODES = [4000, 4100] as const;
const AT_ONCE_CODES = [4200, 4300] as const;

/** Whether a client that is told this stays away. */
export function isFinal(code: number): boolean {
  return isWithin(code, FINAL_CODES);
}

/** Whether a client that is told this comes back without a pause. */
export function mayReturnAtOnce(code: number): boolean {
  return isWithin(code, AT_ONCE_CODES);
}

function isWithin(code: number, [from, below]: readonly [number, number]): boolean {
  return code >= from && code < below;
}
