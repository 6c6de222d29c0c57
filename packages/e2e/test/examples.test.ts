import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPage, startBrowser } from "./support/browser.ts";
import { CarillonProcess } from "./support/carillon-process.ts";
import { readBlocks } from "./support/doc-blocks.ts";
import { Example } from "./support/example.ts";
import { run } from "./support/run.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});

afterAll(async () => {
  await browser?.close();
});

const open = (url: string): Promise<Page> => openPage(browser, url);

const within = { timeout: 20_000 };
const stateIs = (page: Page, state: string) =>
  expect.poll(() => page.locator("#state").textContent(), within).toBe(state);
const ordersAre = (page: Page, ...orders: readonly string[]) =>
  expect.poll(() => page.locator("#orders li").allTextContents(), within).toEqual(orders);

const ready = /open (http:\S+)/;

describe("examples", () => {
  test("custom-server › one process serves the page, publishes and delivers; SIGTERM ends it cleanly", async () => {
    await using example = await Example.copy("custom-server");
    await example.install();
    await using server = await example.start(["server.js"], { ready, env: { PORT: "0", REALTIME_PORT: "0" } });
    const [page, other] = [await open(server.url), await open(server.url)];
    for (const each of [page, other]) await stateIs(each, "subscribed");
    await page.getByRole("button", { name: "Order" }).click();
    for (const each of [page, other]) await ordersAre(each, "order 1");
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
    // With both pages open, as they are when somebody deploys.
    expect(await server.stop()).toBe(0);
    await page.close();
    await other.close();
  });

  test("vanilla › the page with a script tag shows what the readme's curl publishes", async () => {
    await using carillon = await CarillonProcess.start("dev");
    await using example = await Example.copy("vanilla");
    await example.install();
    await using server = await example.start(["serve.js"], { ready, env: { PORT: "0" } });
    const page = await open(`${server.url}/?host=${encodeURIComponent(carillon.url)}`);
    await stateIs(page, "connected");
    await expect.poll(() => carillon.metric("carillon_subscriptions"), within).toBe(1);
    const block = await readBlocks("examples/vanilla/README.md");
    const curl = block("sh", "curl -i").replace("127.0.0.1:8080", new URL(carillon.url).host);
    expect((await run("bash", ["-c", curl])).stdout).toMatch(/^HTTP\/1\.1 204/);
    await ordersAre(page, "order 1");
    await page.close();
  });
});
