import { connect } from "node:net";
import { eventually } from "@carillon/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appSettings } from "../support/apps.ts";
import { PusherCaller } from "../support/pusher-caller.ts";
import { RunningPublisher } from "../support/running-publisher.ts";

const EVENT = { name: "e", data: "1", channels: ["a"] };
// Of the text of EVENT.
const MD5_OF_EVENT = "ba23da43a69dafce1e27ba6604664625";

describe("Pusher's HTTP API › who may call", () => {
  it.each<[string, object, RegExp]>([
    ["another secret", { secret: "wrong" }, /auth_signature.*check the secret/],
    ["another app's key and secret", { key: "key-of-other", secret: "secret-of-other" }, /auth_key/],
    ["a clock ten minutes behind", { aheadSeconds: -620 }, /auth_timestamp.*set the clock/],
    ["a clock ten minutes ahead", { aheadSeconds: 620 }, /auth_timestamp/],
  ])("%s is refused with 401, whatever is asked", async (_what, options, text) => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop"), appSettings("other")] });
    const received = await running.record("a");
    const pusher = new PusherCaller({ url: running.url, ...options });
    const answers = [
      await pusher.trigger(EVENT),
      await pusher.post("/batch_events", { batch: [] }),
      await pusher.get("/channels"),
      await pusher.get("/channels/a"),
      await pusher.get("/channels/presence-a/users"),
      await pusher.post("/users/u/terminate_connections", {}),
      await pusher.post("/channels/a/events", "1", { name: "e" }),
      await pusher.get("/channels/a/stats"),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 401, body: { error: expect.stringMatching(text) } });
    }
    expect(received).toEqual([]);
  });

  it("an unknown app is a 404, a disabled one a 403 to whoever knows its secret", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop", { enabled: false })] });
    expect(await new PusherCaller({ url: running.url, appId: "nobody" }).trigger(EVENT)).toMatchObject({ status: 404 });
    expect(await new PusherCaller(running).trigger(EVENT)).toMatchObject({ status: 403 });
    expect(await new PusherCaller({ url: running.url, secret: "x" }).trigger(EVENT)).toMatchObject({ status: 401 });
  });

  it("an address that isn't there and a method that isn't are refused in the API's own form", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const lost = await pusher.post("/event", EVENT);
    expect(lost).toMatchObject({ status: 404, body: { error: expect.stringContaining("/apps/shop/event") } });
    const asked = await pusher.get("/events");
    expect(asked).toMatchObject({ status: 405, body: { error: expect.stringContaining("POST") } });
    expect(asked.headers.get("allow")).toBe("POST, OPTIONS");
    expect([lost, asked].flatMap(({ body }) => Object.keys(body))).toEqual(["error", "error"]);
  });

  it("the path that names no app is signed for the app whose key it has", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop"), appSettings("other")] });
    const statusOf = async (options: object): Promise<number> => {
      const pusher = new PusherCaller({ url: running.url, path: "/users/u-1/terminate_connections", ...options });
      return (await pusher.post("", {})).status;
    };
    expect(await statusOf({})).toBe(200);
    expect(await statusOf({ key: "key-of-other", secret: "secret-of-other" })).toBe(200);
    expect(await statusOf({ key: "key-of-other" })).toBe(401);
    expect(await statusOf({ key: "nobody" })).toBe(404);
  });

  it("every secret of a rotation is right until it is gone", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop", { secrets: ["new", "old"] })] });
    const [before, after] = ["old", "new"].map((secret) => new PusherCaller({ url: running.url, secret }));
    expect([(await before?.trigger(EVENT))?.status, (await after?.trigger(EVENT))?.status]).toEqual([200, 200]);
    running.apps.reload([appSettings("shop", { secrets: ["new"] })]);
    expect([(await before?.trigger(EVENT))?.status, (await after?.trigger(EVENT))?.status]).toEqual([401, 200]);
  });

  it("a call without a query, and a body without its MD5, are refused", async () => {
    await using running = await RunningPublisher.start();
    const bare = await fetch(`${running.url}/apps/shop/channels`);
    expect([bare.status, await bare.json()]).toEqual([401, { error: expect.stringContaining("auth_key is missing") }]);
    const unsigned = new PusherCaller(running).sign("POST", "/events", {});
    const response = await fetch(running.url + unsigned, { method: "POST", body: JSON.stringify(EVENT) });
    expect([response.status, await response.json()]).toEqual([401, { error: expect.stringContaining("body_md5") }]);
  });

  it("a body that is another one than was signed is refused, whatever differs", async () => {
    await using running = await RunningPublisher.start();
    const received = await running.record("a");
    const text = JSON.stringify(EVENT);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), async (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        fc.pre(changed !== text);
        const path = new PusherCaller(running).sign("POST", "/events", { body_md5: MD5_OF_EVENT });
        const response = await fetch(running.url + path, { method: "POST", body: changed });
        expect(response.status).toBe(401);
        await response.arrayBuffer();
      }),
      { numRuns: 60 },
    );
    expect(received).toEqual([]);
    const path = new PusherCaller(running).sign("POST", "/events", { body_md5: MD5_OF_EVENT });
    expect((await fetch(running.url + path, { method: "POST", body: text })).status).toBe(200);
  });

  it("a GET with the MD5 of no body passes, with another MD5 not", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    expect(await pusher.get("/channels", { body_md5: "d41d8cd98f00b204e9800998ecf8427e" })).toMatchObject({
      status: 200,
    });
    expect(await pusher.get("/channels", { body_md5: MD5_OF_EVENT })).toMatchObject({ status: 401 });
  });

  it("one connection serves call after call, refused ones too", async () => {
    await using running = await RunningPublisher.start();
    const pusher = new PusherCaller(running);
    const wrong = new PusherCaller({ url: running.url, secret: "wrong" });
    const socket = connect(running.port, "127.0.0.1");
    let received = "";
    socket.on("data", (data: Buffer) => {
      received += data.toString();
    });
    for (const [index, caller] of [pusher, wrong, pusher, pusher].entries()) {
      const path = caller.sign("POST", "/events", { body_md5: MD5_OF_EVENT });
      const text = JSON.stringify(EVENT);
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      await eventually(() => expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(index + 1));
    }
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual([200, 401, 200, 200].map((status) => `HTTP/1.1 ${status}`));
    expect(received.toLowerCase()).not.toContain("connection: close");
    socket.destroy();
  });
});
