/** What one check of `carillon doctor` found. `warning` works, but should be looked at. */
export interface Finding {
  readonly verdict: "good" | "warning" | "bad";
  readonly subject: string;
  /** What was seen, and what to do about it where it isn't good. */
  readonly detail: string;
}
