import { Agent, get } from "node:http";
import { FakeClock } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { LeavingProxies } from "../../src/http/leaving-proxies.ts";
import { startServer } from "./support.ts";

describe("answers through a proxy that is about to end", () => {
  test("close the connection, so that the next call takes another one", async () => {
    await using running = await startServer((server) => {
      server.route({ method: "GET", path: "/", handle: ({ peerAddress }) => ({ status: 200, body: peerAddress }) });
    });
    const agent = new Agent({ keepAlive: true });
    const connectionHeader = () =>
      new Promise<string | undefined>((resolve, reject) => {
        get(running.url, { agent }, (response) => {
          response.resume().on("end", () => resolve(response.headers.connection));
        }).on("error", reject);
      });
    expect(await connectionHeader()).not.toBe("close");
    running.server.leaveProxy("127.0.0.2", 60_000);
    expect(await connectionHeader()).not.toBe("close");
    running.server.leaveProxy("127.0.0.1", 60_000);
    expect(await connectionHeader()).toBe("close");
    agent.destroy();
  });
});

describe("LeavingProxies", () => {
  test("knows each for the longest time that it was named with", () => {
    const clock = new FakeClock(0);
    const proxies = new LeavingProxies(clock);
    expect(proxies.isEmpty).toBe(true);
    proxies.add("10.0.0.1", 1000);
    proxies.add("10.0.0.1", 10);
    proxies.add("10.0.0.2", 10);
    clock.advance(999);
    expect([proxies.has("10.0.0.1"), proxies.has("10.0.0.2"), proxies.has("10.0.0.3")]).toEqual([true, false, false]);
    clock.advance(1);
    expect([proxies.has("10.0.0.1"), proxies.isEmpty]).toEqual([false, true]);
  });

  test("forgets those named first when there are too many", () => {
    const proxies = new LeavingProxies(new FakeClock(0));
    for (let index = 0; index <= 1000; index++) proxies.add(`proxy-${index}`, 1000);
    expect([proxies.has("proxy-0"), proxies.has("proxy-1"), proxies.has("proxy-1000")]).toEqual([false, true, true]);
  });
});
