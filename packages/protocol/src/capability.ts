/**
 * Capabilities: what a connection token allows, on which channels. In the token's `cap` claim:
 * `{ "orders-*": ["subscribe"], "private-user-42": ["subscribe", "publish"] }`.
 */

/** What may be done on a channel. */
export const CAPABILITY_VERBS = ["subscribe", "publish", "presence", "history"] as const;

/** One thing that may be done on a channel. */
export type CapabilityVerb = (typeof CAPABILITY_VERBS)[number];

/** Patterns of channel names and the verbs allowed on each. `*` stands for any run of characters, also none. */
export type Capabilities = Readonly<Record<string, readonly CapabilityVerb[]>>;

/** Most patterns that one token may carry; each subscribe looks through them. */
export const MAX_CAPABILITY_PATTERNS = 100;

/**
 * True when `name` matches `pattern`: every character stands for itself but `*`, which stands for any run of characters.
 * Linear in the length of the name for each `*`, never exponential.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return pattern === name;
  const parts = pattern.split("*");
  const last = parts.pop() as string;
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const found = index === 0 ? (name.startsWith(part) ? 0 : -1) : name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** True when some pattern of `capabilities` that matches `channel` lists `verb`. */
export function allows(capabilities: Capabilities, verb: CapabilityVerb, channel: string): boolean {
  for (const [pattern, verbs] of Object.entries(capabilities)) {
    if (verbs.includes(verb) && matchesPattern(pattern, channel)) return true;
  }
  return false;
}

/** Reads the `cap` claim of a token; null when it is not a map of patterns to lists of known verbs. */
export function parseCapabilities(claim: unknown): Capabilities | null {
  if (typeof claim !== "object" || claim === null || Array.isArray(claim)) return null;
  const entries = Object.entries(claim);
  if (entries.length > MAX_CAPABILITY_PATTERNS) return null;
  for (const [, verbs] of entries) {
    if (!Array.isArray(verbs) || !verbs.every((verb) => CAPABILITY_VERBS.includes(verb))) return null;
  }
  return Object.freeze(Object.fromEntries(entries)) as Capabilities;
}
