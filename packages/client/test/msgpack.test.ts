import { msgpack } from "@carillon/client/msgpack";
import { eventually, NativeClient } from "@carillon/testkit";
import { historyRules } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { Pair } from "./support/client.ts";

const VALUES = [null, true, 7, -1, 2 ** 40, 1.5, "Zoë", "", [], [1, [2]], { a: { b: [1, "x"] } }, "x".repeat(5000)];

describe("msgpack", () => {
  it("N41, N42 › brings the same values as JSON, both ways", async () => {
    await using pair: Pair = await Pair.start(
      {},
      {
        format: msgpack,
        authorizeChannel: async ({ channel, socketId }) => pair.gateway.channelToken(socketId, channel),
      },
    );
    const channel = pair.client.subscribe("private-values");
    const seen: unknown[] = [];
    channel.bind("value", (value) => seen.push(value));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    for (const value of VALUES) await pair.gateway.publish("private-values", "value", value);
    await eventually(() => expect(seen).toEqual(VALUES));

    await using json = await NativeClient.open(pair.gateway.webSocketUrl);
    const token = pair.gateway.channelToken(json.connectionId, "private-values");
    await json.subscribe("private-values", { token });
    for (const value of VALUES.slice(0, 10)) await channel.publish("client-value", value);
    expect((await json.events(10)).map(({ payload }) => payload)).toEqual(VALUES.slice(0, 10));
  });

  it("N42 › what JSON can't say is refused by name", async () => {
    await using pair: Pair = await Pair.start(
      {},
      {
        format: msgpack,
        authorizeChannel: async ({ channel, socketId }) => pair.gateway.channelToken(socketId, channel),
      },
    );
    const channel = pair.client.subscribe("private-values");
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await expect(channel.publish("client-value", Number.NaN)).rejects.toMatchObject({ code: "invalid_field" });
    await expect(channel.publish("client-value", new Date(0))).rejects.toMatchObject({ code: "invalid_field" });
  });

  it("N49 › recovers as JSON does", async () => {
    await using pair = await Pair.start({ rules: historyRules("kept") }, { format: msgpack });
    const channel = pair.client.subscribe("kept");
    const seen: unknown[] = [];
    channel.bind("tick", (number) => seen.push(number));
    await eventually(() => expect(channel.state.status).toBe("subscribed"));
    await pair.gateway.publish("kept", "tick", 1);
    await eventually(() => expect(seen).toEqual([1]));
    await pair.interrupt(() => pair.gateway.publish("kept", "tick", 2));
    await eventually(() => expect(seen).toEqual([1, 2]));
  });
});
