import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPage, startBrowser } from "./support/browser.ts";
import { CarillonProcess } from "./support/carillon-process.ts";
import { servePage } from "./support/page-server.ts";

const SCREENSHOTS = fileURLToPath(new URL("../../../node_modules/.cache/carillon/screenshots", import.meta.url));

let browser: Browser;
let carillon: CarillonProcess;

beforeAll(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  [browser, carillon] = await Promise.all([startBrowser(), CarillonProcess.start("dev")]);
});

afterAll(async () => {
  await browser?.close();
  await carillon?.[Symbol.asyncDispose]();
});

describe("demo page › in Chromium", () => {
  test("subscribes, publishes from the page and over HTTP, shows events, frames and state", async () => {
    const page = await openPage(browser);
    await page.goto(carillon.url);
    await page.locator("#state[data-state=connected]").waitFor();
    await page.getByRole("button", { name: "Subscribe", exact: true }).click();
    await page.locator("#channels li[data-standing=true]").waitFor();

    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.locator("#publish-result[data-ok=true]").waitFor();
    await page.locator("#events li").first().waitFor();
    expect(await page.locator("#events li").first().textContent()).toContain('{"id":1,"total":42.5}');

    const response = await carillon.publish({
      channel: "user-42",
      event: "order.shipped",
      payload: { parcel: "ünï-7" },
    });
    expect(response.status).toBe(204);
    const shipped = page.locator("#events li", { hasText: "order.shipped" });
    await shipped.waitFor();
    expect(await shipped.textContent()).toContain("ünï-7");
    expect(await page.locator("#frames").textContent()).toContain('"type":"subscribe"');
    await page.screenshot({ path: `${SCREENSHOTS}/demo.png`, fullPage: true });

    await page.getByRole("button", { name: "Unsubscribe from user-42" }).click();
    await page.locator("#frames li", { hasText: '"type":"unsubscribed"' }).waitFor();
    expect(await page.locator("#channels li").count()).toBe(0);
  });

  test("says what is wrong with a payload that is not JSON, and with a channel name that is not allowed", async () => {
    const page = await openPage(browser);
    await page.goto(carillon.url);
    await page.locator("#state[data-state=connected]").waitFor();
    await page.locator("#publish-payload").fill("{oops");
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.locator("#publish-result[data-ok=false]", { hasText: "not JSON" }).waitFor();
    await page.locator("#publish-payload").fill("1");
    await page.locator("#publish-channel").fill("a channel");
    await page.getByRole("button", { name: "Publish", exact: true }).click();
    await page.locator("#publish-result[data-ok=false]", { hasText: "200 characters" }).waitFor();
  });

  test("everything on it has a name that a screen reader can say, and it fits a phone", async () => {
    const page = await openPage(browser);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(carillon.url);
    await page.locator("#state[data-state=connected]").waitFor();
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, input, textarea, img")]
        .filter((each) => {
          const labels = "labels" in each ? (each.labels as NodeList | null) : null;
          const isNamed = (labels?.length ?? 0) > 0 || each.hasAttribute("aria-label") || each.hasAttribute("alt");
          return !isNamed && each.textContent?.trim() === "";
        })
        .map((each) => each.outerHTML),
    );
    expect(nameless).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.screenshot({ path: `${SCREENSHOTS}/demo-phone.png`, fullPage: true });
  });
});

describe("the guide's page › in Chromium, unchanged but for the URL", () => {
  test("an order appears on the page after a POST of the server's snippet", async () => {
    await using site = await servePage(guidePage(carillon.webSocketUrl));
    const page = await openPage(browser);
    await page.goto(site.url);
    await page.locator("li", { hasText: "connected" }).waitFor();
    // The guide's page has no way to know when its subscription stands, so publish until it shows.
    const order = page.locator("li", { hasText: "order 7" }).first();
    await expect
      .poll(async () => {
        const response = await carillon.publish({ channel: "user-42", event: "order.created", payload: { id: 7 } });
        expect(response.status).toBe(204);
        return order.count();
      })
      .toBeGreaterThan(0);
    // Frames of other kinds reach the same handler, and must not look like an event of the application.
    expect(await page.locator("li", { hasText: "undefined" }).count()).toBe(0);
  });
});

/** The guide's component without React's syntax: opens a socket on mount, subscribes, shows orders, closes on leaving. */
function guidePage(url: string): string {
  return `<!doctype html><title>Orders</title><ul></ul><script>
    const list = document.querySelector("ul");
    const show = (text) => { const item = document.createElement("li"); item.textContent = text; list.append(item); };
    const ws = new WebSocket(${JSON.stringify(url)});
    ws.onopen = () => { show("connected"); ws.send(JSON.stringify({ type: "subscribe", channel: "user-42" })); };
    ws.onmessage = (e) => {
      const { event, payload } = JSON.parse(e.data);
      if (event === "order.created") show("order " + payload.id);
      else if (event !== undefined) show("undefined event " + event);
    };
    addEventListener("pagehide", () => ws.close());
  </script>`;
}
