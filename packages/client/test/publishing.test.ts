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

  it("N20 › what is not allowed is refused by name", async () => {
    await using pair = await Pair.start();
    await expect(pair.client.channel("news").publish("e", 1)).rejects.toMatchObject({
      name: "CarillonError",
      code: "forbidden",
      isRetryable: false,
    });
  });

  it("waits for a connection, a bounded number of them, for a bounded time", async () => {
    await using pair = await Pair.start({}, { maxQueued: 2, commandTimeoutMs: 300 });
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
