import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { type RunningCarillon as Running, startCarillon } from "carillon";
import { describe, expect, it } from "vitest";
import { CarillonServer, type CarillonServerOptions } from "../src/index.ts";
import { APP, errorOf } from "./support/running-carillon.ts";

const SETTINGS = {
  apps: [{ id: APP.id, key: APP.key, secrets: [APP.secret] }],
  channels: [{ match: "kept-*", history: {} }],
  gateway: { drain: { spreadSeconds: 0 } },
};

/** Two gateways and a publisher on NATS, and the SDK at the publisher. Ends with `await using`. */
class Cluster implements AsyncDisposable {
  readonly #parts: readonly Running[];

  private constructor(parts: readonly Running[]) {
    this.#parts = parts;
  }

  static async start(nats: string): Promise<Cluster> {
    const roles = ["gateway", "gateway", "publisher"] as const;
    const start = (role: (typeof roles)[number]) =>
      startCarillon({ role, nats, host: "127.0.0.1", port: 0, settings: SETTINGS });
    return new Cluster(await Promise.all(roles.map(start)));
  }

  server(more: Partial<CarillonServerOptions> = {}): CarillonServer {
    const host = this.#parts[2]?.url ?? "";
    return new CarillonServer({ appId: APP.id, key: APP.key, secret: APP.secret, host, ...more });
  }

  client(gateway: 0 | 1): Promise<NativeClient> {
    return NativeClient.open(this.#parts[gateway]?.webSocketUrl ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.close()));
  }
}

describe("a cluster on NATS", () => {
  it("everybody on every gateway gets an event, once, and is counted, found and sent away", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using cluster = await Cluster.start(nats.url);
    const server = cluster.server();
    const clients = await Promise.all([cluster.client(0), cluster.client(1)]);
    for (const [index, client] of clients.entries()) {
      const token = server.authenticateChannel(client.connectionId, "presence-room", { id: `user-${index}` });
      await client.subscribe("presence-room", { token });
    }
    await server.trigger("presence-room", "e", 1, { id: "once" });
    await server.trigger("presence-room", "e", 1, { id: "once" });
    await server.trigger("presence-room", "last", 2, { exclude: clients[0]?.connectionId });
    await server.trigger("presence-room", "very.last", 3);
    const eventsOf = async (client: NativeClient, count: number) =>
      (await client.events(count)).map(({ event }) => event);
    expect(await eventsOf(clients[0] as NativeClient, 2)).toEqual(["e", "very.last"]);
    expect(await eventsOf(clients[1] as NativeClient, 3)).toEqual(["e", "last", "very.last"]);
    await eventually(async () => {
      expect(await server.channels.get("presence-room")).toMatchObject({
        subscriptions: 2,
        users: 2,
        isComplete: true,
      });
    });
    expect((await server.channels.members("presence-room")).items.map(({ id }) => id)).toEqual(["user-0", "user-1"]);
    expect(await server.blocks.add({ user: "user-1" })).toMatchObject({ disconnected: 1, isComplete: true });
    expect(await clients[1]?.closed).toMatchObject({ code: 4014 });
    expect(await server.connections.disconnect({ user: "user-0" })).toMatchObject({ disconnected: 1 });
    expect(await clients[0]?.closed).toMatchObject({ code: 4013 });
  });

  it("histories are read page by page, and a position goes on where it was", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using cluster = await Cluster.start(nats.url);
    const server = cluster.server();
    const { positions } = await server.trigger("kept-a", "e", 0);
    await server.triggerBatch(
      Array.from({ length: 9 }, (_, index) => ({ channel: "kept-a", event: "e", data: index + 1 })),
    );
    const payloads: unknown[] = [];
    for await (const { payload } of server.channels.allHistory("kept-a", { since: positions["kept-a"], limit: 4 })) {
      payloads.push(payload);
    }
    expect(payloads).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("without JetStream nothing can be kept, and events go out where they need no id", async () => {
    await using nats = await NatsServer.start();
    await using cluster = await Cluster.start(nats.url);
    const server = cluster.server({ maxRetries: 0 });
    const withId = await errorOf(() => server.trigger("a", "e", 1));
    expect(withId).toMatchObject({ code: "idempotency_unavailable", status: 503, isRetryable: true });
    expect((withId as Error).message).toContain("idempotent: false");
    const kept = await errorOf(() => server.trigger("kept-a", "e", 1));
    expect(kept).toMatchObject({ code: "history_unavailable", status: 503, isRetryable: true });
    expect(await errorOf(() => server.blocks.add({ user: "ann" }))).toMatchObject({ code: "blocks_unavailable" });
    await using client = await cluster.client(0);
    await client.subscribe("a");
    await server.trigger("a", "e", 1, { idempotent: false });
    expect(await client.events(1)).toEqual([{ channel: "a", event: "e", payload: 1 }]);
  });

  it("while NATS is away a call is refused as such; repeated until NATS is back it is accepted, and delivered once", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using cluster = await Cluster.start(nats.url);
    await using client = await cluster.client(0);
    await client.subscribe("a");
    await nats.pause();
    const error = await errorOf(() => cluster.server({ maxRetries: 0 }).trigger("a", "lost", 1, { idempotent: false }));
    expect(error).toMatchObject({ isRetryable: true });
    const patient = cluster.server({ maxRetries: 10, timeoutMs: 30_000 }).trigger("a", "e", 1);
    await nats.resume();
    expect((await patient).channels).toEqual(["a"]);
    await cluster.server().trigger("a", "last", 2);
    await client.nextFrame(({ event }) => event === "last");
    expect(client.deliveries.filter(({ event }) => event === "e")).toHaveLength(1);
  });
});
