import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { CarillonServer, type CarillonServerOptions, type HeardBy } from "../src/index.ts";
import { APP, errorOf, RunningCarillon } from "./support/running-carillon.ts";

type Channels = {
  orders: { "order.created": { id: number }; "order.deleted": { id: number; reason?: string } };
  audit: { "order.created": { id: number; by: string } };
  [name: `private-user-${string}`]: { badge: number };
};

const OPTIONS: CarillonServerOptions = { appId: APP.id, key: APP.key, secret: APP.secret, host: "http://127.0.0.1:1" };

/** Checked by the compiler, never run. */
function compiled(check: () => unknown): void {
  void check;
}

describe("a server of declared channels (checked by the compiler)", () => {
  const carillon = new CarillonServer<Channels>(OPTIONS);
  const userId: string = "42";

  it("knows names, patterns, events and payloads", () => {
    compiled(() => carillon.trigger("orders", "order.created", { id: 1 }));
    compiled(() => carillon.trigger(`private-user-${userId}`, "badge", 3));
    compiled(() => carillon.trigger(["orders", "audit"], "order.created", { id: 1, by: "ann" }));
    compiled(() =>
      carillon.triggerBatch([
        { channel: "orders", event: "order.deleted", data: { id: 1 }, id: "x" },
        { channel: `private-user-${userId}`, event: "badge", data: 3 },
      ]),
    );
  });

  it("refuses what was not declared", () => {
    // @ts-expect-error no such channel
    compiled(() => carillon.trigger("order", "order.created", { id: 1 }));
    // @ts-expect-error no such event on it
    compiled(() => carillon.trigger("orders", "badge", 3));
    // @ts-expect-error another payload
    compiled(() => carillon.trigger("orders", "order.created", { id: "1" }));
    // @ts-expect-error a member too many
    compiled(() => carillon.trigger("orders", "order.created", { id: 1, note: "x" }));
    // @ts-expect-error one of them wants more
    compiled(() => carillon.trigger(["orders", "audit"], "order.created", { id: 1 }));
    // @ts-expect-error only one of them has it
    compiled(() => carillon.trigger(["orders", "audit"], "order.deleted", { id: 1 }));
    // @ts-expect-error the event of another channel
    compiled(() => carillon.triggerBatch([{ channel: "orders", event: "badge", data: 3 }]));
    // @ts-expect-error the payload of another event
    compiled(() => carillon.triggerBatch([{ channel: "orders", event: "order.created", data: 3 }]));
  });

  it("knows what a history holds", () => {
    compiled(async () => {
      const { publications } = await carillon.channels.history("orders");
      for (const publication of publications) {
        expectTypeOf(publication.position).toEqualTypeOf<string>();
        if (publication.event === "order.deleted") {
          expectTypeOf(publication.payload).toEqualTypeOf<{ id: number; reason?: string }>();
        }
      }
    });
  });

  it("asks for a token of any channel, which comes from a request", () => {
    expectTypeOf(carillon.authenticateChannel).parameter(1).toEqualTypeOf<string>();
    expectTypeOf(carillon.authenticateChannel).returns.toEqualTypeOf<string>();
  });

  it("takes everything where nothing was declared", () => {
    const untyped = new CarillonServer(OPTIONS);
    compiled(() => untyped.trigger("anything", "at.all", { any: "payload" }));
    compiled(() => untyped.triggerBatch([{ channel: "anything", event: "at.all", data: 1 }]));
  });

  it("takes an interface as well", () => {
    interface Declared {
      orders: { created: number };
    }
    const typed = new CarillonServer<Declared>(OPTIONS);
    compiled(() => typed.trigger("orders", "created", 1));
    // @ts-expect-error another payload
    compiled(() => typed.trigger("orders", "created", "1"));
  });
});

const schemas = {
  orders: {
    "order.created": z.object({ id: z.number().int(), at: z.iso.datetime().transform((text) => new Date(text)) }),
  },
  "private-user-*": { badge: z.number().min(0, "there are no negative badges") },
  "*-log": { line: z.string().refine(async (text) => text !== "secret", "no secrets") },
};

describe("a server of schemas", () => {
  it("infers from them: what is published goes in, what is heard comes out", () => {
    const carillon = new CarillonServer({ ...OPTIONS, schemas });
    compiled(() => carillon.trigger("orders", "order.created", { id: 1, at: "2026-01-01T00:00:00Z" }));
    compiled(() => carillon.trigger("private-user-42", "badge", 3));
    // @ts-expect-error a date comes out, a text goes in
    compiled(() => carillon.trigger("orders", "order.created", { id: 1, at: new Date() }));
    // @ts-expect-error no such channel
    compiled(() => carillon.trigger("public-user-42", "badge", 3));
    expectTypeOf<HeardBy<typeof schemas>["orders"]["order.created"]>().toEqualTypeOf<{ id: number; at: Date }>();
  });

  it("publishes what fits, as it was given", async () => {
    await using running = await RunningCarillon.start();
    await using client = await running.client();
    for (const channel of ["orders", "app-log"]) await client.subscribe(channel);
    const carillon = new CarillonServer({ ...OPTIONS, host: running.url, schemas });
    const payload = { id: 1, at: "2026-01-01T00:00:00Z" };
    await carillon.trigger("orders", "order.created", payload);
    await carillon.trigger("app-log", "line", "text");
    expect((await client.events(2)).map((delivery) => delivery.payload)).toEqual([payload, "text"]);
  });

  const carillon = new CarillonServer({ ...OPTIONS, schemas });
  const untyped = carillon as unknown as CarillonServer;
  it.each<[string, [string | string[], string, unknown], string, RegExp]>([
    [
      "a payload",
      ["orders", "order.created", { id: 1.5, at: 3 }],
      "invalid_payload",
      /"order\.created" on "orders".*id: .*; at: /,
    ],
    ["a payload on a pattern", ["private-user-1", "badge", -1], "invalid_payload", /there are no negative badges/],
    ["a payload, by a check that takes its time", ["app-log", "line", "secret"], "invalid_payload", /no secrets/],
    ["a channel", ["other", "badge", 1], "invalid_channel", /declare no channel that "other" fits/],
    ["an event", ["orders", "badge", 1], "invalid_event", /declare no event "badge" on "orders"/],
    ["an event of every object", ["orders", "toString", 1], "invalid_event", /no event "toString"/],
    ["one of several channels", [["private-user-1", "orders"], "badge", 1], "invalid_event", /on "orders"/],
  ])(
    "refuses %s that was not declared, before anything is sent",
    async (_what, [channel, event, data], code, message) => {
      const error = await errorOf(() => untyped.trigger(channel, event, data));
      expect(error).toMatchObject({ name: "CarillonError", code, status: null, isRetryable: false });
      expect((error as Error).message).toMatch(message);
    },
  );

  it("refuses schemas that are none", async () => {
    const broken = { orders: { created: {} } } as unknown as typeof schemas;
    expect(await errorOf(() => new CarillonServer({ ...OPTIONS, schemas: broken }))).toMatchObject({
      code: "invalid_field",
      message: expect.stringContaining('no Standard Schema for "created" on "orders"'),
    });
  });
});
