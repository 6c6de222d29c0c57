/**
 * Typed channels: what an application publishes where, declared once as a plain type and used by the server SDK, the
 * client and the hooks. Types alone; nothing of this file is left at run time.
 *
 * ```ts
 * type Channels = {
 *   orders: { "order.created": { id: number } };
 *   [name: `private-user-${string}`]: { badge: number };
 * };
 * ```
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";

/**
 * Names and patterns of channels (template-literal keys), each with a map of its events to their payloads. `object` and
 * no more, because an interface has no index signature and is welcome too. A name that fits several patterns has the events
 * of all of them (the compiler wants those apart, in an intersection of two such types).
 */
export type ChannelMap = object;

/** What is known of channels where nothing was declared: any name, any event, any payload. */
// biome-ignore lint/suspicious/noExplicitAny: a listener may say what it expects, and nothing was declared that could be wrong
export type AnyChannels = Record<string, Record<string, any>>;

/** The names that a map allows: literal ones, and template literals that stand for all names of a pattern. */
export type ChannelNameOf<Map extends ChannelMap> = Extract<keyof Map, string>;

/**
 * The events of a channel, by name. Of a union of channels: a union of their events, of which only those of all can be
 * named.
 */
export type EventsOf<Map extends ChannelMap, Name extends string> = Name extends keyof Map ? Map[Name] : never;

/** The events that every channel in `Name` has. */
export type EventNameOf<Map extends ChannelMap, Name extends string> = Extract<keyof EventsOf<Map, Name>, string>;

/** The payload of an event as whoever hears it gets it: on one of several channels, any of theirs. */
export type PayloadOf<Map extends ChannelMap, Name extends string, Event extends string> = Name extends keyof Map
  ? Event extends keyof Map[Name]
    ? Map[Name][Event]
    : never
  : never;

/** The payload of an event as it may be published on all channels of `Name` at once: one that suits each of them. */
export type PublishablePayloadOf<Map extends ChannelMap, Name extends string, Event extends string> = (
  Name extends string
    ? (payload: PayloadOf<Map, Name, Event>) => void
    : never
) extends (payload: infer Payload) => void
  ? Payload
  : never;

/** An event with its payload; of several events the union, told apart by `event`. */
export type EventOf<Map extends ChannelMap, Name extends string> = {
  [Event in EventNameOf<Map, Name>]: { readonly event: Event; readonly payload: PayloadOf<Map, Name, Event> };
}[EventNameOf<Map, Name>];

/**
 * Channels declared by schemas (any library of Standard Schema), to be checked at run time too. In a value's keys `*`
 * stands for any run of characters, as in the configuration: `{ "private-user-*": { badge: z.number() } }`. The first
 * pattern that fits counts.
 */
export type ChannelSchemas = Readonly<Record<string, Readonly<Record<string, StandardSchemaV1>>>>;

/** `private-user-${string}` of `private-user-*`. */
export type PatternOf<Key extends string> = Key extends `${infer Head}*${infer Tail}`
  ? `${Head}${string}${PatternOf<Tail>}`
  : Key;

/** The channels that schemas declare, with payloads as they are published and travel: what goes into the schemas. */
export type PublishedBy<Schemas extends ChannelSchemas> = {
  [Key in keyof Schemas as PatternOf<Key & string>]: {
    [Event in keyof Schemas[Key]]: StandardSchemaV1.InferInput<Schemas[Key][Event]>;
  };
};

/** The same channels with payloads as listeners get them: what comes out of the schemas. */
export type HeardBy<Schemas extends ChannelSchemas> = {
  [Key in keyof Schemas as PatternOf<Key & string>]: {
    [Event in keyof Schemas[Key]]: StandardSchemaV1.InferOutput<Schemas[Key][Event]>;
  };
};
