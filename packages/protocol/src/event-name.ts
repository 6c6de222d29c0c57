/** Longest event name, in UTF-16 units, as Pusher's SDKs allow. */
export const MAX_EVENT_NAME_LENGTH = 200;

// Half a surrogate pair has no UTF-8 form, so it would arrive as another character than was sent.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the point of the rule is to refuse them
const FORBIDDEN_IN_EVENT = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** Prefixes that belong to the protocols themselves; an application that could send them could forge protocol frames. */
const RESERVED_PREFIXES = ["pusher:", "pusher_internal:", "carillon:"] as const;

/** True when `name` may be published: 1 to 200 characters, no control characters, no half surrogate pair, no reserved prefix. */
export function isEventName(name: unknown): name is string {
  return (
    typeof name === "string" &&
    name.length > 0 &&
    name.length <= MAX_EVENT_NAME_LENGTH &&
    !FORBIDDEN_IN_EVENT.test(name) &&
    !RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix))
  );
}

/** True when `name` is an event that clients may send without a capability, where their app allows client events. */
export function isClientEventName(name: string): boolean {
  return name.startsWith("client-");
}

/** A sentence for whoever sent a name that {@link isEventName} refuses. */
export const EVENT_NAME_RULE =
  "an event name has 1 to 200 characters, no control characters, and does not begin with pusher:, pusher_internal: or carillon:";
