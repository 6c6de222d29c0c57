import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HotPage } from "./pages/hot.tsx";
import { openPage, startBrowser } from "./support/browser.ts";
import { CarillonProcess } from "./support/carillon-process.ts";
import { HotSite } from "./support/hot-site.ts";

/** What the page's script adds to its window. */
declare const window: { readonly page: HotPage };

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
});

const within = { timeout: 20_000 };

/** Mounts a version of the components, on a version of the client, and waits until it is subscribed. */
async function show(page: Page, version: number, client: number): Promise<void> {
  const address = `/hot-view.js?version=${version}&client=${client}`;
  await page.evaluate(([at, number]) => window.page.show(at, number), [address, version] as const);
  await expect.poll(() => page.locator("#state").textContent(), within).toBe(`${version} subscribed`);
}

const heardBy = (page: Page) => page.evaluate(() => window.page.heard.map(({ by, id }) => `${by} ${id}`).sort());

describe("components that are replaced in the running page, as in development, in Chromium", () => {
  test.each([
    ["the client's module is kept", { isReplaced: false, isDisposed: false, connections: 1 }],
    [
      "the client's module is replaced too, and its connection closed",
      { isReplaced: true, isDisposed: true, connections: 1 },
    ],
    [
      "the client's module is replaced too, and nobody closes it",
      { isReplaced: true, isDisposed: false, connections: 4 },
    ],
  ])("%s: each event is heard once, and no subscription is left over", async (_what, how) => {
    await using carillon = await CarillonProcess.start("dev");
    await using site = await HotSite.start(carillon.url);
    const metricIs = (name: string, value: number) => expect.poll(() => carillon.metric(name), within).toBe(value);
    const page = await openPage(browser, site.url);
    const expected: string[] = [];
    for (const version of [1, 2, 3, 4]) {
      if (how.isDisposed) await page.evaluate(() => window.page.dispose());
      await show(page, version, how.isReplaced ? version : 1);
      await metricIs("carillon_subscriptions", 1);
      const event = { channel: "orders", event: "order.created", payload: { id: version } };
      expect((await carillon.publish(event)).status).toBe(204);
      expected.push(`${version} bind ${version}`, `${version} useEvent ${version}`);
      await expect.poll(() => heardBy(page), within).toEqual(expected);
    }
    await metricIs("carillon_connections", how.connections);
    // All that any version held is given up, though the connections stand.
    await page.evaluate(() => window.page.hide());
    await metricIs("carillon_subscriptions", 0);
    expect(await carillon.metric("carillon_connections")).toBe(how.connections);
    await page.close();
    await metricIs("carillon_connections", 0);
  });
});
