import { NativeClient } from "@carillon/testkit";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPage, startBrowser } from "./support/browser.ts";
import { GUIDE_CONFIG } from "./support/config-file.ts";
import { DEPLOYMENTS, type Deployment } from "./support/deployments.ts";
import { GuideSite } from "./support/guide-site.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
});

const within = { timeout: 20_000 };
const shows = (page: Page, id: string, text: string) =>
  expect.poll(() => page.locator(`#${id}`).textContent(), within).toBe(text);

/** Waits until all gateways together have so many subscriptions. */
function subscriptionsAre(count: number, { gateways }: Deployment): Promise<void> {
  const each = [...new Set(gateways)];
  const total = async () => {
    const counts = await Promise.all(each.map((gateway) => gateway.metric("carillon_subscriptions")));
    return counts.reduce((sum, some) => sum + some, 0);
  };
  return expect.poll(total, within).toBe(count);
}

const startSite = ({ gateways, publisher }: Deployment) =>
  GuideSite.start({ gateway: gateways[1].url, publisher: publisher.url });

describe.each(DEPLOYMENTS)("the guide's code with other names and no other options, on %s", (_name, deploy) => {
  test("an order appears on the page after a POST, once, by subscribe and unsubscribe and by the hook", async () => {
    await using deployment = await deploy(GUIDE_CONFIG);
    await using site = await startSite(deployment);
    const page = await openPage(browser, `${site.url}/?visitor=1`);
    const order = async (id: number) => expect((await site.post("/api/orders", { id })).status).toBe(201);

    await subscriptionsAre(1, deployment);
    await order(1);
    await shows(page, "orders", "1");
    await page.getByRole("button", { name: "hook" }).click();
    await shows(page, "state", "subscribed");
    await order(2);
    await order(3);
    await shows(page, "orders", "2,3");
    await page.getByRole("button", { name: "subscribe" }).click();
    await subscriptionsAre(1, deployment);
    await page.close();
    await subscriptionsAre(0, deployment);
  });

  test("who is somebody else, or nobody, is refused by the route; a token that isn't valid, or none, by the gateway", async () => {
    await using deployment = await deploy(GUIDE_CONFIG);
    await using site = await startSite(deployment);
    const channel = "private-user-1";
    const page = await openPage(browser, `${site.url}/?visitor=2`);
    await page.getByRole("button", { name: "hook" }).click();
    await shows(page, "state", "failed");

    await using client = await NativeClient.open(deployment.gateways[0].webSocketUrl);
    await using other = await NativeClient.open(deployment.gateways[0].webSocketUrl);
    const { connectionId: socketId } = client;
    for (const [visitor, status] of [
      [undefined, 401],
      [2, 403],
    ] as const) {
      expect((await site.post("/api/realtime/auth", { channel, socketId }, visitor)).status).toBe(status);
    }
    const answer = await site.post("/api/realtime/auth", { channel, socketId }, 1);
    const { token } = (await answer.json()) as { token: string };
    const refused = [
      await client.request({ type: "subscribe", channel }),
      await client.request({ type: "subscribe", channel, token: `app-key:${"0".repeat(64)}` }),
      await other.request({ type: "subscribe", channel, token }),
    ];
    expect(refused.map(({ code }) => code)).toEqual(["token_required", "forbidden", "forbidden"]);

    expect(await client.request({ type: "subscribe", channel, token })).toMatchObject({ type: "subscribed" });
    expect((await site.post("/api/orders", { id: 1 })).status).toBe(201);
    const delivery = await client.nextFrame(({ event }) => event === "order.created");
    expect(delivery).toMatchObject({ channel, payload: { id: 1 } });
    await subscriptionsAre(1, deployment);
    expect(await page.locator("#orders").textContent()).toBe("");
    await page.close();
  });
});
