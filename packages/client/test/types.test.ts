import { type Channel, type HeardBy, type HistoryPage, RealtimeClient } from "@carillon/client";
import { schemaCheck } from "@carillon/client/schemas";
import type { ChannelSchemas } from "@carillon/protocol";
import { eventually } from "@carillon/testkit";
import { describe, expect, expectTypeOf, it } from "vitest";
import { Pair } from "./support/client.ts";

interface Order {
  readonly id: number;
}

interface Channels {
  orders: { "order.created": Order; "order.gone": { readonly id: number; readonly why: string } };
  [user: `private-user-${string}`]: { badge: number };
}

/** Never run: only its types are looked at. */
function declared(client: RealtimeClient<Channels>): void {
  const orders = client.subscribe("orders");
  orders.bind("order.created", (order) => expectTypeOf(order).toEqualTypeOf<Order>());
  client.subscribe("private-user-7").bind("badge", (badge) => expectTypeOf(badge).toEqualTypeOf<number>());
  void orders.publish("order.gone", { id: 1, why: "sold out" });
  // @ts-expect-error: no such event
  orders.bind("order.crated", () => undefined);
  // @ts-expect-error: no such channel
  client.subscribe("order");
  // @ts-expect-error: not what the event carries
  void orders.publish("order.gone", { id: "1" });
  // @ts-expect-error: not what the event carries
  orders.bind("order.created", (order: string) => order);
}

/** An event's name tells which payload it has, in the past as well. */
async function declaredPast(client: RealtimeClient<Channels>): Promise<void> {
  const { events } = await client.channel("orders").history({ limit: 1 });
  for (const past of events) {
    if (past.event === "order.created") expectTypeOf(past.payload).toEqualTypeOf<Order>();
    else expectTypeOf(past.payload.why).toBeString();
    expectTypeOf(past.position).toBeString();
    // @ts-expect-error: no such event
    if (past.event === "order.crated") return;
  }
  const [badge] = (await client.subscribe("private-user-7").history()).events;
  expectTypeOf(badge?.payload).toEqualTypeOf<number | undefined>();
}

/** Any channel goes where any channel is wanted. */
function passedOn(orders: Channel<Channels["orders"]>): Channel {
  return orders;
}

/** Without a declaration a listener says what it expects, as the guide's code does. */
function undeclared(client: RealtimeClient): void {
  client.subscribe("any-channel").bind("order.created", (order: Order) => order.id);
  client.subscribe(`private-user-${7}`).bind("x", (anything) => anything.whatever);
  const read = async (): Promise<HistoryPage> => await client.channel("any-channel").history();
  void read().then(({ events }) => events.map(({ event, payload }) => `${event}: ${payload}`));
  void client
    .channel("any-channel")
    .history()
    .then(({ events }) => events[0]?.payload.whatever);
}

/** What comes from an environment may be undefined, and stands for the default then. */
function fromEnvironment(text: string | undefined, number: number | undefined): void {
  const client = new RealtimeClient("app-key", {
    host: "ws://localhost",
    authEndpoint: text,
    authHeaders: undefined,
    getToken: undefined,
    transports: undefined,
    connectTimeoutMs: number,
  });
  client.subscribe("news", { since: text, rewind: number });
}

/** A schema without a library. */
function numberSchema() {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) =>
        typeof value === "number"
          ? { value: String(value) }
          : { issues: [{ message: "must be a number", path: ["n"] }] },
      types: undefined as unknown as { readonly input: number; readonly output: string },
    },
  } as const;
}

const schemas = { "badge-*": { changed: numberSchema() } } satisfies ChannelSchemas;

describe("typed channels", () => {
  it("are inferred where they are declared, and anything goes where not", () => {
    expect([declared, declaredPast, passedOn, undeclared, fromEnvironment]).toHaveLength(5);
  });

  it("schemas › listeners get what comes out of them; what doesn't fit is told, and reaches nobody", async () => {
    await using pair = await Pair.start({}, { check: schemaCheck(schemas) });
    const client = pair.client as unknown as RealtimeClient<HeardBy<typeof schemas>>;
    const errors: string[] = [];
    const seen: unknown[] = [];
    client.on("error", ({ code, message }) => errors.push(`${code}: ${message}`));
    const channel = client.subscribe("badge-7");
    channel.bind("changed", (text) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      seen.push(text);
    });
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.gateway.publish("badge-7", "changed", "no number");
    await pair.gateway.publish("badge-7", "changed", 5);
    await eventually(() => expect(seen).toEqual(["5"]));
    expect(errors).toEqual(["invalid_payload: changed on badge-7 doesn't fit its schema at n: must be a number"]);
  });
});
