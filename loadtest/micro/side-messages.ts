/** What a side is asked. */
export type SideRequest =
  /** Gets ready for a benchmark; the one before is forgotten. */
  | { readonly kind: "prepare"; readonly name: string }
  /** Does the benchmark's work so often. */
  | { readonly kind: "run"; readonly times: number };

/** What it answers. */
export type SideReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly cpuUs: number }
  /** It can't, and why: the version lacks something, or what came out was not what should. */
  | { readonly kind: "failed"; readonly reason: string };
