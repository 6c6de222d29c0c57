import { eventually } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { Pair } from "./support/client.ts";

const authorize = (pair: () => Pair) => async (request: { channel: string; socketId: string }) =>
  pair().gateway.channelToken(request.socketId, request.channel);

describe("publishing", () => {
  it("N19, N23 › reaches the others, is acknowledged, and comes back only where asked for", async () => {
    await using pair: Pair = await Pair.start({}, { authorizeChannel: authorize(() => pair) });
    const channel = pair.client.subscribe("private-room");
    const seen: unknown[] = [];
    channel.bind("client-typing", (payload) => seen.push(payload));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    expect(await channel.publish("client-typing", 1)).toEqual({ messageId: expect.any(String) });
    await channel.publish("client-typing", 2, { echo: true });
    await eventually(() => expect(seen).toEqual([2]));
  });

  it.each(["websocket", "sse"] as const)(
    "N34 › what is longer than a frame may be is refused at once, and the connection goes on: %s",
    async (transport) => {
      await using pair: Pair = await Pair.start(
        {},
        { transports: [transport], authorizeChannel: authorize(() => pair) },
      );
      const channel = pair.client.subscribe("private-room");
      await eventually(() => expect(channel.state.status).toBe("subscribed"));
      const states: string[] = [];
      pair.client.on("state", ({ status }) => states.push(status));
      for (const payload of ["é".repeat(40_000), "x".repeat(300_000)]) {
        const refused = { code: "message_too_large", isRetryable: false, message: expect.stringContaining("65536") };
        await expect(channel.publish("client-typing", payload)).rejects.toMatchObject(refused);
      }
      expect(await channel.publish("client-typing", 1)).toEqual({ messageId: expect.any(String) });
      expect(states).toEqual([]);
    },
  );

  it("what JSON can't say is refused, and holds up nothing that waits for a connection behind it", async () => {
    await using pair: Pair = await Pair.start({}, { autoConnect: false, authorizeChannel: authorize(() => pair) });
    const channel = pair.client.subscribe("private-room");
    const refused = { name: "CarillonError", code: "invalid_payload", isRetryable: false };
    const bad = expect(channel.publish("client-typing", 1n)).rejects.toMatchObject(refused);
    const good = expect(channel.publish("client-typing", 1)).rejects.toMatchObject({ code: "not_subscribed" });
    pair.client.connect();
    await Promise.all([bad, good]);
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await expect(channel.publish("client-typing", 1n)).rejects.toMatchObject(refused);
    expect(await channel.publish("client-typing", 1)).toEqual({ messageId: expect.any(String) });
  });

  it("N20 › what is not allowed is refused by name", async () => {
    await using pair = await Pair.start();
    await expect(pair.client.channel("news").publish("e", 1)).rejects.toMatchObject({
      name: "CarillonError",
      code: "forbidden",
      isRetryable: false,
    });
  });

  it("waits for a connection, a bounded number of them, for a bounded time", async () => {
    await using pair = await Pair.start({}, { maxQueued: 2, commandTimeoutMs: 1_500 });
    pair.link.cut();
    const channel = pair.client.channel("news");
    const outcomes = [1, 2, 3].map((number) => channel.publish("e", number).catch((error: unknown) => error));
    expect(await outcomes[2]).toMatchObject({ code: "queue_full", isRetryable: true });
    expect(await outcomes[0]).toMatchObject({ code: "timeout", isRetryable: true });
    const waiting = channel.publish("e", 4).catch((error: unknown) => error);
    pair.link.heal();
    // Sent once there is a connection: the server's own word comes back.
    expect(await waiting).toMatchObject({ code: "forbidden" });
  });

  it("a break leaves open what was sent, and says so", async () => {
    await using pair = await Pair.start();
    const { client } = pair;
    client.connect();
    await eventually(() => expect(client.state.status).toBe("connected"));
    pair.link.freeze();
    const outcome = client
      .channel("news")
      .publish("e", 1)
      .catch((error: unknown) => error);
    pair.link.cut();
    expect(await outcome).toMatchObject({ code: "connection_lost", isRetryable: true });
  });

  it("close rejects what still waits", async () => {
    await using pair = await Pair.start();
    pair.link.cut();
    const outcome = pair.client
      .channel("news")
      .publish("e", 1)
      .catch((error: unknown) => error);
    pair.client.close();
    expect(await outcome).toMatchObject({ code: "closed", isRetryable: false });
  });
});
