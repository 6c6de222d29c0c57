import { join } from "node:path";
import { NatsServer, RoundRobinProxy, TcpProxy } from "@carillon/testkit";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Application } from "./support/application.ts";
import { openPage, startBrowser } from "./support/browser.ts";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { ROOT } from "./support/run.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
}, 120_000);

afterAll(async () => {
  await browser?.close();
});

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
channels:
  - { match: "private-user-*", history: { messages: 500, maxAge: 10m } }
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
`;

const open = (url: string): Promise<Page> => openPage(browser, url);

const textOf = (page: Page, id: string) => page.locator(`#${id}`).textContent();
const shows = (page: Page, id: string, text: string | RegExp) =>
  expect.poll(() => textOf(page, id), { timeout: 20_000 }).toMatch(text);

/** Publishes orders by number to whoever of the publishers answers. */
async function publish(publisher: CarillonProcess, ...ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    const event = { channel: "private-user-42", event: "order.created", payload: { id } };
    expect((await publisher.publish(event)).status).toBe(204);
  }
}

describe("the guide's page, with @carillon/react, in Chromium", () => {
  test("an order appears after a publish; another route of the page shows who is there; somebody else's channel stays shut", async () => {
    await using carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)]);
    await using site = await Application.start({ host: carillon.url, channel: "private-user-42" });
    const page = await open(`${site.url}/?visitor=42`);
    await shows(page, "state", "connected subscribed");
    await publish(carillon, 7);
    await shows(page, "orders", /^7$/);
    // StrictMode mounts everything twice.
    expect(await carillon.metric("carillon_subscriptions")).toBe(1);

    await page.getByRole("button", { name: "room" }).click();
    await shows(page, "members", /^42$/);
    const other = await open(`${site.url}/?visitor=43`);
    await shows(other, "state", "connected failed");
    await other.getByRole("button", { name: "room" }).click();
    await shows(page, "members", /^42,43$/);
    await expect.poll(() => carillon.metric("carillon_subscriptions")).toBe(2);
    expect(await carillon.metric("carillon_connections")).toBe(2);
    await other.close();
    await page.close();
    await expect.poll(() => carillon.metric("carillon_subscriptions"), { timeout: 15_000 }).toBe(0);
  });

  test("a gateway is killed under the page: it goes on with another one, and no order is missing", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
    const doomed = await CarillonProcess.start("gateway", args);
    await using heir = await CarillonProcess.start("gateway", args);
    await using publisher = await CarillonProcess.start("publisher", args);
    let target = doomed;
    // What a load balancer is to a page.
    await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
    const host = `http://127.0.0.1:${balancer.port}`;
    await using site = await Application.start({ host, channel: "private-user-42" });
    const page = await open(`${site.url}/?visitor=42`);
    await shows(page, "state", "connected subscribed");
    await publish(publisher, 1, 2, 3);
    await shows(page, "orders", /^1,2,3$/);
    target = heir;
    await doomed.kill();
    await publish(publisher, 4, 5, 6);
    await shows(page, "orders", /^1,2,3,4,5,6$/);
    await publish(publisher, 7);
    await shows(page, "orders", /^1,2,3,4,5,6,7$/);
    expect(await textOf(page, "gaps")).toBe("0");
    // For whoever wants to see it.
    const picture = await page.screenshot({ path: join(ROOT, "node_modules/.cache/carillon/recovered-page.png") });
    expect(picture.length).toBeGreaterThan(1000);
    await page.close();
  });

  test.each([
    [
      "the device is online again",
      async (page: Page) => {
        await page.context().setOffline(true);
        await page.context().setOffline(false);
      },
    ],
    [
      "the tab is shown again",
      (page: Page) => page.evaluate(() => void document.dispatchEvent(new Event("visibilitychange"))),
    ],
  ])(
    "the network goes silent, which nothing tells the page, until %s: it notices at once, and catches up",
    async (_sign, wake) => {
      await using carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(CONFIG)]);
      await using network = await TcpProxy.start({ targetPort: () => Number(new URL(carillon.url).port) });
      const host = `http://127.0.0.1:${network.port}`;
      await using site = await Application.start({ host, channel: "private-user-42" });
      const page = await open(`${site.url}/?visitor=42`);
      await shows(page, "state", "connected subscribed");
      network.freeze();
      await publish(carillon, 1, 2);
      await wake(page);
      await shows(page, "state", /waiting|connecting/);
      network.heal();
      await shows(page, "orders", /^1,2$/);
      await shows(page, "state", "connected subscribed");
      await page.close();
    },
  );

  test.each([
    ["an event stream", undefined, "sse"],
    ["polls", ["websocket", "poll"], "poll"],
  ] as const)(
    "WebSockets don't get through, and each request lands on another gateway: %s brings every order, over a gateway that is killed",
    async (_what, transports, transport) => {
      await using nats = await NatsServer.start({ jetStream: true });
      const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
      const [first, second, third, publisher] = await Promise.all([
        CarillonProcess.start("gateway", args),
        CarillonProcess.start("gateway", args),
        CarillonProcess.start("gateway", args),
        CarillonProcess.start("publisher", args),
      ]);
      let alive = [first, second, third];
      await using proxy = await RoundRobinProxy.start(() => alive.map(({ url }) => url));
      const settings = {
        host: proxy.url,
        channel: "private-user-42",
        ...(transports === undefined ? {} : { transports }),
      };
      await using site = await Application.start(settings);
      const page = await open(`${site.url}/?visitor=42`);
      await shows(page, "state", "connected subscribed");
      expect(await textOf(page, "transport")).toBe(transport);
      await publish(publisher, 1, 2, 3);
      await shows(page, "orders", /^1,2,3$/);
      const owners = await Promise.all(alive.map((gateway) => gateway.metric("carillon_connections")));
      const owner = alive[owners.indexOf(1)] as CarillonProcess;
      alive = alive.filter((gateway) => gateway !== owner);
      await owner.kill();
      await publish(publisher, 4, 5);
      await shows(page, "orders", /^1,2,3,4,5$/);
      await publish(publisher, 6);
      await shows(page, "orders", /^1,2,3,4,5,6$/);
      expect(await textOf(page, "gaps")).toBe("0");
      await page.close();
      await Promise.all([first, second, third, publisher].map((each) => each[Symbol.asyncDispose]()));
    },
  );
});
