import { eventually, PusherClient } from "@carillon/testkit";
import { TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, it } from "vitest";
import { open, signIn } from "./support/pusher-user.ts";

const QUERY = "?protocol=7&client=js&version=8.6.0&flash=false";

async function refused(url: string, origin?: string): Promise<unknown> {
  await using client = await PusherClient.connect(url, origin === undefined ? {} : { origin });
  const { code } = await client.closed;
  expect(client.frames).toEqual([{ event: "pusher:error", data: { code, message: expect.stringMatching(/\w{3}/) } }]);
  return code;
}

describe("connecting", () => {
  it("P1, P5 › no app, a disabled app, a full app and a longer path are refused after the handshake", async () => {
    const disabled = testApp({ id: "2", key: "disabled", publishSecret: null, enabled: false });
    const full = testApp({ id: "3", key: "full", publishSecret: null, limits: { connections: 1 } });
    await using gateway = await TestGateway.start({ apps: [testApp(), disabled, full] });
    const base = `${gateway.url.replace("http", "ws")}/app`;
    expect(await refused(`${base}/nobody${QUERY}`)).toBe(4001);
    expect(await refused(`${base}/${QUERY}`)).toBe(4005);
    expect(await refused(`${base}/app-key/more${QUERY}`)).toBe(4005);
    expect(await refused(`${base}/disabled${QUERY}`)).toBe(4003);
    await using _first = await PusherClient.open(`${base}/full${QUERY}`);
    expect(await refused(`${base}/full${QUERY}`)).toBe(4004);
  });

  it.each([
    ["", 4008],
    ["?protocol=", 4008],
    ["?protocol=seven", 4006],
    ["?protocol=7.1", 4006],
    ["?protocol=4", 4007],
    ["?protocol=8&client=js", 4007],
  ])("P2 › the query %j ends in %d", async (query, code) => {
    await using gateway = await TestGateway.start();
    expect(await refused(`${gateway.url.replace("http", "ws")}/app/app-key${query}`)).toBe(code);
  });

  it.each(["?client=java-client&protocol=5&version=2.4.4", "?client=Pysher&version=1.0.7&protocol=6", QUERY])(
    "P2, P6 › %s is welcome",
    async (query) => {
      await using gateway = await TestGateway.start({ settings: { idleTimeoutSeconds: 60 } });
      await using client = await PusherClient.open(`${gateway.url.replace("http", "ws")}/app/app-key${query}`);
      const [welcome] = client.frames;
      expect(Object.keys(welcome ?? {})).toEqual(["event", "data"]);
      expect(typeof welcome?.data).toBe("string");
      expect(JSON.parse(String(welcome?.data))).toEqual({
        socket_id: expect.stringMatching(/^\d+\.\d+$/),
        activity_timeout: 60,
      });
    },
  );

  it("P3 › an offered subprotocol is named in the handshake", async () => {
    await using gateway = await TestGateway.start();
    const subprotocols = ["pusher-channels-protocol-7"];
    await using client = await PusherClient.open(gateway.pusherUrl, { subprotocols });
    expect(client.subprotocol).toBe("pusher-channels-protocol-7");
  });

  it("P4 › an origin that the app doesn't allow is refused", async () => {
    const app = testApp({ allowedOrigins: ["https://example.com"] });
    await using gateway = await TestGateway.start({ apps: [app] });
    expect(await refused(gateway.pusherUrl, "https://evil.example")).toBe(4010);
    await using client = await PusherClient.open(gateway.pusherUrl, { origin: "https://example.com" });
    expect(client.socketId).toMatch(/^\d+\.\d+$/);
  });

  it("P6 › what is sent before the first frame came is handled", async () => {
    await using gateway = await TestGateway.start();
    await using client = await PusherClient.connect(gateway.pusherUrl);
    client.send("pusher:ping", "");
    await client.next("pusher:pong");
    expect(client.frames[0]?.event).toBe("pusher:connection_established");
  });

  it("P38 › a drain closes with 4200, and without an error", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await gateway.gateway.drain(0);
    expect(await client.closed).toMatchObject({ code: 4200 });
    expect(client.all("pusher:error")).toEqual([]);
  });

  it("P38 › pysher, which doesn't look at close codes, is told by an error to come back", async () => {
    await using gateway = await TestGateway.start();
    await using client = await PusherClient.open(gateway.pusherUrl.replace("client=js", "client=Pysher"));
    await gateway.gateway.drain(0);
    expect(await client.closed).toMatchObject({ code: 4200 });
    expect(client.all("pusher:error").map(({ data }) => data)).toMatchObject([{ code: 4200 }]);
  });

  it("P39 › whom the application ends hears why, and is closed with 4009", async () => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    await using other = await open(gateway);
    await signIn(gateway, client, { id: "ann" });
    expect(await gateway.control.disconnect(gateway.apps.first.id, { kind: "user", id: "ann" })).toMatchObject({
      count: 1,
    });
    expect((await client.closed).code).toBe(4009);
    expect(client.all("pusher:error").map(({ data }) => data)).toMatchObject([{ code: 4009 }]);
    await other.settle();
  });
});

describe("signs of life", () => {
  it.each([{}, "", null, "{}", { more: 1 }])("P10 › a ping with data %j is answered", async (data) => {
    await using gateway = await TestGateway.start();
    await using client = await open(gateway);
    client.send("pusher:ping", data);
    expect(await client.next("pusher:pong")).toEqual({ event: "pusher:pong", data: "{}" });
  });

  it("P11 › a client that gives no sign of life is closed with 4201, not before its time; one that answers pings is not", async () => {
    await using gateway = await TestGateway.start({ settings: { idleTimeoutSeconds: 20 } });
    await using answering = await open(gateway);
    const beganMs = performance.now();
    await using mute = await PusherClient.open(gateway.pusherUrl, { isMute: true });
    await using talking = await PusherClient.open(gateway.pusherUrl, { isMute: true });
    const chat = setInterval(() => talking.send("pusher:pong", {}), 1000);
    try {
      expect(await mute.closed).toMatchObject({ code: 4201 });
      expect(performance.now() - beganMs).toBeGreaterThanOrEqual(20_000);
      await eventually(() => expect(gateway.gateway.connections).toBe(2));
      await answering.settle();
      await talking.settle();
    } finally {
      clearInterval(chat);
    }
  }, 40_000);
});
