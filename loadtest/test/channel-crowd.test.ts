import { eventually } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import { ChannelCrowd } from "../bench/generator/channel-crowd.ts";
import type { Target } from "../bench/generator/messages.ts";

const OTHER = { id: "1002", key: "app-key-1", secrets: ["other"], publishSecret: "other" };

function targetOf(gateway: TestGateway, apps: number): Target {
  const port = Number(new URL(gateway.url).port);
  return { socketPort: port, socketPath: "", publishPort: port, publishHeaders: "", apps };
}

describe("crowd of the bench", () => {
  test("spreads over the apps, and has the channels of each connection come and go", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp(), testApp(OTHER)] });
    const crowd = new ChannelCrowd(0);
    expect(await crowd.connect({ command: "crowd", target: targetOf(gateway, 2), connections: 4 })).toEqual([]);
    expect(gateway.gateway.connectionsByApp).toEqual(
      new Map([
        ["1001", 2],
        ["1002", 2],
      ]),
    );
    expect(await crowd.change({ command: "crowd-channels", act: "subscribe", from: 0, to: 150 })).toEqual([]);
    expect(gateway.gateway.channels).toBe(600);
    expect(await crowd.change({ command: "crowd-channels", act: "unsubscribe", from: 50, to: 150 })).toEqual([]);
    expect(gateway.gateway.channels).toBe(200);
    crowd.drop();
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
  });

  test("tells what was refused, and whom the gateway has closed", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { channelsPerConnection: 10 } })] });
    const crowd = new ChannelCrowd(0);
    await crowd.connect({ command: "crowd", target: targetOf(gateway, 1), connections: 2 });
    const subscribe = { command: "crowd-channels", act: "subscribe", from: 0, to: 20 } as const;
    expect(await crowd.change(subscribe)).toEqual(["2 commands of the crowd were refused"]);
    await gateway.gateway.drain(0);
    await eventually(() =>
      expect(crowd.takeProblems()).toEqual(["2 connections of the crowd were closed by the server"]),
    );
    crowd.drop();
  });
});
