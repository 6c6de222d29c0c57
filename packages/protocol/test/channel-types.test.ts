import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expectTypeOf, test } from "vitest";
import type {
  AnyChannels,
  ChannelMap,
  ChannelNameOf,
  EventNameOf,
  EventOf,
  HeardBy,
  PatternOf,
  PayloadOf,
  PublishablePayloadOf,
  PublishedBy,
} from "../src/index.ts";

interface OrderEvents {
  "order.created": { readonly id: number };
  "order.shipped": { readonly id: number; readonly carrier?: string };
}

type Channels = {
  orders: OrderEvents;
  audit: { "order.created": { readonly by: string }; cleared: boolean };
  [name: `private-user-${string}`]: { badge: number; note: string | null };
  [name: `presence-${string}`]: { [event: `client-${string}`]: { readonly at: number } };
} & { [name: `private-user-${string}-admin`]: { promoted: true } };

/** Takes what the SDKs take: only names of the map, and what they allow. */
declare function publish<
  Map extends ChannelMap,
  const Name extends ChannelNameOf<Map>,
  const Event extends EventNameOf<Map, Name>,
>(map: Map, channel: Name | readonly Name[], event: Event, payload: PublishablePayloadOf<Map, Name, Event>): void;

declare const channels: Channels;
declare const userId: string;

/** Checked by the compiler, never run. */
function compiled(check: () => void): void {
  void check;
}

describe("typed channels (checked by the compiler)", () => {
  test("names are the literal ones and those that fit a pattern", () => {
    expectTypeOf<"orders">().toExtend<ChannelNameOf<Channels>>();
    expectTypeOf<"private-user-42">().toExtend<ChannelNameOf<Channels>>();
    expectTypeOf<"public-user-42">().not.toExtend<ChannelNameOf<Channels>>();
  });

  test("a channel has the events of its map, of its pattern, and of all patterns that it fits", () => {
    expectTypeOf<EventNameOf<Channels, "orders">>().toEqualTypeOf<"order.created" | "order.shipped">();
    expectTypeOf<EventNameOf<Channels, "private-user-7">>().toEqualTypeOf<"badge" | "note">();
    expectTypeOf<EventNameOf<Channels, "private-user-7-admin">>().toEqualTypeOf<"badge" | "note" | "promoted">();
    expectTypeOf<"client-typing">().toExtend<EventNameOf<Channels, "presence-room">>();
    expectTypeOf<"typing">().not.toExtend<EventNameOf<Channels, "presence-room">>();
  });

  test("an event has its payload", () => {
    expectTypeOf<PayloadOf<Channels, "orders", "order.created">>().toEqualTypeOf<{ readonly id: number }>();
    expectTypeOf<PayloadOf<Channels, `private-user-${string}`, "note">>().toEqualTypeOf<string | null>();
    expectTypeOf<PayloadOf<Channels, "presence-room", "client-typing">>().toEqualTypeOf<{ readonly at: number }>();
    expectTypeOf<PayloadOf<Channels, "orders", "nothing">>().toEqualTypeOf<never>();
  });

  test("on several channels only what all of them have, with a payload that suits each", () => {
    type Both = "orders" | "audit";
    expectTypeOf<EventNameOf<Channels, Both>>().toEqualTypeOf<"order.created">();
    expectTypeOf<PublishablePayloadOf<Channels, Both, "order.created">>().toExtend<{ id: number; by: string }>();
    expectTypeOf<PayloadOf<Channels, Both, "order.created">>().toEqualTypeOf<
      { readonly id: number } | { readonly by: string }
    >();
    // A union such as boolean stays whole.
    expectTypeOf<PublishablePayloadOf<Channels, "audit", "cleared">>().toEqualTypeOf<boolean>();
  });

  test("functions over them infer names, events and payloads", () => {
    compiled(() => {
      publish(channels, "orders", "order.created", { id: 1 });
      publish(channels, `private-user-${userId}`, "badge", 3);
      publish(channels, ["orders", "audit"], "order.created", { id: 1, by: "ann" });
      // @ts-expect-error no such channel
      publish(channels, "order", "order.created", { id: 1 });
      // @ts-expect-error no such event on it
      publish(channels, "orders", "badge", 3);
      // @ts-expect-error another payload
      publish(channels, "orders", "order.created", { id: "1" });
      // @ts-expect-error one of the channels wants more
      publish(channels, ["orders", "audit"], "order.created", { id: 1 });
    });
  });

  test("what is heard can be told apart by its event", () => {
    expectTypeOf<EventOf<Channels, "orders">>().toEqualTypeOf<
      | { readonly event: "order.created"; readonly payload: { readonly id: number } }
      | { readonly event: "order.shipped"; readonly payload: { readonly id: number; readonly carrier?: string } }
    >();
  });

  test("undeclared channels take everything", () => {
    expectTypeOf<ChannelNameOf<AnyChannels>>().toEqualTypeOf<string>();
    expectTypeOf<EventNameOf<AnyChannels, "x">>().toEqualTypeOf<string>();
    expectTypeOf<PublishablePayloadOf<AnyChannels, "x", "y">>().toBeAny();
  });

  test("schemas declare channels: * becomes a template, what goes in is published, what comes out is heard", () => {
    type Schemas = {
      orders: { "order.created": StandardSchemaV1<{ at: string }, { at: Date }> };
      "private-user-*": { badge: StandardSchemaV1<number> };
    };
    expectTypeOf<PatternOf<"a-*-b-*">>().toEqualTypeOf<`a-${string}-b-${string}`>();
    expectTypeOf<PayloadOf<PublishedBy<Schemas>, "orders", "order.created">>().toEqualTypeOf<{ at: string }>();
    expectTypeOf<PayloadOf<HeardBy<Schemas>, "orders", "order.created">>().toEqualTypeOf<{ at: Date }>();
    expectTypeOf<PayloadOf<HeardBy<Schemas>, "private-user-1", "badge">>().toEqualTypeOf<number>();
  });
});
