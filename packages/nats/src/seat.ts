import type { Interest } from "./interest.ts";
import type { Link } from "./link.ts";

/** A connection with the interest that stands on it. */
export interface Seat {
  readonly link: Link;
  readonly interest: Interest;
}

/**
 * Resolves when what was added so far stands: after one more confirmation where the server refused something that was asked for in
 * another way then. Rejects when the connection breaks before.
 */
export async function confirmSeat({ link, interest }: Seat): Promise<void> {
  let renewals: number;
  do {
    renewals = interest.renewals;
    await link.confirm();
  } while (interest.renewals !== renewals);
}
