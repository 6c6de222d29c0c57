import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NativeClient, NatsServer, TcpProxy } from "@carillon/testkit";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPage, startBrowser } from "../test/support/browser.ts";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { readBlocks } from "../test/support/doc-blocks.ts";
import { Example, type ExampleServer } from "../test/support/example.ts";
import { run } from "../test/support/run.ts";

let browser: Browser;
let example: Example;
let carillon: CarillonProcess;
let site: ExampleServer;

// Built once, as an image would be, before anybody knows where Carillon is, or any secret.
beforeAll(async () => {
  [browser, example] = await Promise.all([startBrowser(), Example.copy("nextjs")]);
  await example.install();
  // A further page, as every application has: to be gone to without a load.
  await mkdir(join(example.folder, "app/elsewhere"));
  await writeFile(
    join(example.folder, "app/elsewhere/page.tsx"),
    'export default function Page() {\n  return <p id="elsewhere" />;\n}\n',
  );
  const [file, away] = [join(example.folder, ".env"), join(example.folder, "away.env")];
  await rename(file, away);
  await example.run("npm", ["run", "build"]);
  await rename(away, file);
  carillon = await CarillonProcess.start("dev", ["--config", join(example.folder, "carillon.yaml")]);
  site = await startSite({ command: "start", publishOrigin: carillon.url, browserOrigin: carillon.url });
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await site?.[Symbol.asyncDispose]();
  await carillon?.[Symbol.asyncDispose]();
  await example?.[Symbol.asyncDispose]();
});

/** What Next.js puts into its pages. */
interface NextWindow {
  readonly next: { readonly router: { push(path: string): void } };
}

interface Site {
  readonly command: "start" | "dev";
  readonly publishOrigin: string;
  readonly browserOrigin: string;
  readonly appSecret?: string;
}

/** `next start` or `next dev`, told where Carillon is. */
function startSite({ command, publishOrigin, browserOrigin, appSecret = "app-secret" }: Site): Promise<ExampleServer> {
  return example.start(["node_modules/next/dist/bin/next", command, "--hostname", "127.0.0.1", "--port", "0"], {
    ready: /Local:\s+(http:\S+)[\s\S]*Ready/,
    env: {
      CARILLON_APP_SECRET: appSecret,
      CARILLON_PUBLISH_ORIGIN: publishOrigin,
      CARILLON_BROWSER_ORIGIN: browserOrigin,
    },
  });
}

/** A browser of its own, signed in by the form of the page. */
async function visit(name: string, url = site.url, state = "connected, subscribed"): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext();
  const page = await openIn(context, url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await stateIs(page, state);
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}

const openIn = (context: BrowserContext, url = site.url): Promise<Page> => openPage(context, url);

const within = { timeout: 20_000 };
const stateIs = (page: Page, state: string) =>
  expect.poll(() => page.locator("#state").textContent(), within).toBe(state);
const ordersAre = (page: Page, ...items: readonly string[]) =>
  expect.poll(() => page.locator("#orders li").allTextContents(), within).toEqual(items);
const visitorsAre = (page: Page, ...names: readonly string[]) =>
  expect
    .poll(
      () =>
        page.locator("#visitors .avatar").evaluateAll((all) => all.map((each) => each.getAttribute("title")).sort()),
      within,
    )
    .toEqual(names);

/** POSTs as the page of a user does. */
function post(path: string, body: unknown, user?: string, url = site.url): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(user === undefined ? {} : { cookie: `user=${user}` }) },
    body: JSON.stringify(body),
  });
}

describe("examples/nextjs, built and started, in Chromium", () => {
  test.each([
    ["Node", "/api/orders"],
    ["Edge", "/api/orders/edge"],
  ])(
    "an order appears on the page after a POST to the Route Handler on %s, in every tab of its user",
    async (runtime, path) => {
      const name = `ann${runtime.toLowerCase()}`;
      await using page = await visit(name);
      const tab = await openIn(page.context());
      await stateIs(tab, "connected, subscribed");
      expect((await post(path, { item: "tea" }, name)).status).toBe(201);
      for (const each of [page, tab]) await ordersAre(each, "tea");
      await page.getByRole("button", { name: runtime }).click();
      const bought = runtime === "Node" ? "tea" : "cake";
      for (const each of [page, tab]) await ordersAre(each, bought, "tea");
      await page.reload();
      await ordersAre(page, bought, "tea");
    },
  );

  test("a user's orders are nobody else's", async () => {
    await using page = await visit("bob");
    await using other = await visit("cleo");
    expect((await post("/api/orders", { item: "for bob" }, "bob")).status).toBe(201);
    expect((await post("/api/orders", { item: "for cleo" }, "cleo")).status).toBe(201);
    await ordersAre(page, "for bob");
    await ordersAre(other, "for cleo");
  });

  test("somebody else's channel is refused by the auth route, and by the gateway when a token is made up or is another connection's", async () => {
    await using client = await NativeClient.open(carillon.webSocketUrl);
    const socketId = client.connectionId;
    const theirs = await post("/api/realtime/auth", { channel: "private-user-dan", socketId }, "eve");
    expect(theirs.status).toBe(403);
    expect((await post("/api/realtime/auth", { channel: "private-user-eve", socketId })).status).toBe(401);
    const mine = await post("/api/realtime/auth", { channel: "private-user-eve", socketId }, "eve");
    expect(mine.status).toBe(200);
    const { token } = (await mine.json()) as { token: string };

    const subscribe = (channel: string, shown?: string) =>
      client.request({ type: "subscribe", channel, ...(shown === undefined ? {} : { token: shown }) });
    expect(await subscribe("private-user-dan")).toMatchObject({ type: "error", code: "token_required" });
    for (const madeUp of [`app-key:${"0".repeat(64)}`, token]) {
      expect(await subscribe("private-user-dan", madeUp)).toMatchObject({ type: "error", code: "forbidden" });
    }
    expect(await subscribe("private-user-eve", token)).toMatchObject({ type: "subscribed" });
    await using another = await NativeClient.open(carillon.webSocketUrl);
    const replayed = { type: "subscribe", channel: "private-user-eve", token };
    expect(await another.request(replayed)).toMatchObject({ type: "error", code: "forbidden" });
  });

  test.each(["/api/realtime/auth", "/api/orders", "/api/orders/edge", "/api/session"])(
    "%s answers 400 to what it can't read, and says what to send",
    async (path) => {
      const ids = ['"x"', "1.5"].map((id) => `{"channel":"private-user-ann","socketId":${id}}`);
      for (const body of ["{", "null", "[]", '{"channel":1}', ...ids]) {
        const headers = { "content-type": "application/json", cookie: "user=ann" };
        const answer = await fetch(`${site.url}${path}`, { method: "POST", headers, body });
        expect([body, answer.status, await answer.text()]).toEqual([body, 400, expect.stringMatching(/^send /)]);
      }
    },
  );

  test("a wrong secret is told on the page, as the gateway says it", async () => {
    const origins = { publishOrigin: carillon.url, browserOrigin: carillon.url };
    await using wrong = await startSite({ command: "start", ...origins, appSecret: "another-secret" });
    await using page = await visit("jon", wrong.url, "connected, failed");
    await expect.poll(() => page.locator("#trouble").textContent(), within).toMatch(/token.*secret/);
  });

  test.each(["/api/orders", "/api/orders/edge"])("%s takes orders while Carillon is away", async (path) => {
    const nowhere = "http://127.0.0.1:1";
    await using alone = await startSite({ command: "start", publishOrigin: nowhere, browserOrigin: nowhere });
    expect((await post(path, { item: "tea" }, "kim", alone.url)).status).toBe(201);
  });

  test("without a session nothing is given out", async () => {
    expect((await post("/api/orders", { item: "tea" })).status).toBe(401);
    expect((await post("/api/orders/edge", { item: "tea" })).status).toBe(401);
    expect((await post("/api/orders", {}, "ann")).status).toBe(400);
    const forged = { headers: { "x-realtime-token": "made up" } };
    expect((await fetch(`${site.url}/api/realtime/token`, forged)).status).toBe(401);
    expect(await (await fetch(site.url, forged)).text()).not.toContain("made up");
  });

  test("two visitors see each other's avatars, once for all of their tabs; who leaves is gone", async () => {
    await using page = await visit("fay");
    await using other = await visit("gus");
    const tab = await openIn(page.context());
    for (const each of [page, other, tab]) await visitorsAre(each, "fay", "gus");
    expect(await page.locator(".me").getAttribute("title")).toBe("fay");
    await other.close();
    await visitorsAre(page, "fay");
  });

  test("a page that is left without a load leaves no connection behind, and who comes back has one", async () => {
    const connectionsAre = (count: number) =>
      expect.poll(() => carillon.metric("carillon_connections"), within).toBe(count);
    await connectionsAre(0);
    await using page = await visit("lea");
    await connectionsAre(1);
    for (const _ of [1, 2]) {
      await page.evaluate(() => (globalThis as unknown as NextWindow).next.router.push("/elsewhere"));
      await page.locator("#elsewhere").waitFor({ state: "attached" });
      await connectionsAre(0);
      await page.goBack();
      await stateIs(page, "connected, subscribed");
      await connectionsAre(1);
    }
  });

  test("the proxy says whose connection it is: who signs out in one tab hears nothing more in the others", async () => {
    await using page = await visit("hal");
    const accepted: string[] = [];
    page.context().once("page", (tab) =>
      tab.on("websocket", (socket) =>
        socket.on("framereceived", ({ payload }) => {
          if (String(payload).includes('"refreshed"')) accepted.push(String(payload));
        }),
      ),
    );
    const tab = await openIn(page.context());
    await stateIs(tab, "connected, subscribed");
    await expect.poll(() => accepted, within).toHaveLength(1);
    const token = await fetch(`${site.url}/api/realtime/token`, { headers: { cookie: "user=hal" } });
    expect(token.headers.get("cache-control")).toBe("no-store");
    const [, claims = ""] = String(((await token.json()) as { token: string }).token).split(".");
    const { sub, exp, iat } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, number>;
    expect({ sub, seconds: Number(exp) - Number(iat) }).toEqual({ sub: "hal", seconds: 300 });
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Your name").waitFor();
    await expect.poll(() => tab.locator("#state").textContent(), within).toMatch(/^closed/);
  });

  test("the same build on a cluster: an order reaches the tabs of its user on both gateways, and is kept when one is killed", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const args = ["--config", join(example.folder, "carillon.yaml"), "--nats", nats.url];
    await using first = await CarillonProcess.start("gateway", args);
    await using second = await CarillonProcess.start("gateway", args);
    await using publisher = await CarillonProcess.start("publisher", args);
    let target = first;
    await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
    await using clustered = await startSite({
      command: "start",
      publishOrigin: publisher.url,
      browserOrigin: `http://127.0.0.1:${balancer.port}`,
    });
    await using page = await visit("ida", clustered.url);
    target = second;
    const tab = await openIn(page.context(), clustered.url);
    await stateIs(tab, "connected, subscribed");
    for (const gateway of [first, second]) expect(await gateway.metric("carillon_connections")).toBe(1);
    await page.getByRole("button", { name: "Node" }).click();
    for (const each of [page, tab]) await ordersAre(each, "tea");
    await first.kill();
    await tab.getByRole("button", { name: "Edge" }).click();
    for (const each of [page, tab]) await ordersAre(each, "cake", "tea");
    for (const each of [page, tab])
      expect(await each.getByRole("alert").filter({ hasText: "missing" }).count()).toBe(0);

    await using client = await NativeClient.open(second.webSocketUrl);
    for (const token of [undefined, `app-key:${"0".repeat(64)}`]) {
      const refused = { type: "error", code: token === undefined ? "token_required" : "forbidden" };
      const command = { type: "subscribe", channel: "private-user-ida", ...(token === undefined ? {} : { token }) };
      expect(await client.request(command)).toMatchObject(refused);
    }
  });

  test("the tutorial's commands, with next dev: they answer what it says, and StrictMode subscribes once", async () => {
    const block = await readBlocks("docs/tutorial.md");
    expect(block("sh", "npx next dev")).toBe("npx next dev\n");
    await using dev = await startSite({ command: "dev", publishOrigin: carillon.url, browserOrigin: carillon.url });
    const subscriptionsAre = (count: number) =>
      expect.poll(() => carillon.metric("carillon_subscriptions"), within).toBe(count);
    await subscriptionsAre(0);
    // It compiles a page when that is first asked for, which takes as long as the machine takes: longer than a browser waits.
    expect((await fetch(dev.url, { signal: AbortSignal.timeout(90_000) })).status).toBe(200);
    await using page = await visit("ann", dev.url);
    // Her orders, and who is there.
    await subscriptionsAre(2);
    for (const [marker, status] of [
      ["coffee", 201],
      ["user=bob", 403],
      ["api/realtime/auth -d", 401],
    ] as const) {
      const curl = block("sh", marker).replace("http://localhost:3000", dev.url);
      expect((await run("bash", ["-c", curl])).stdout).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
    await ordersAre(page, "coffee");

    // What is saved takes its place in the page as it is, with no load in between.
    await page.evaluate(() => document.documentElement.setAttribute("data-before", "yes"));
    const file = join(example.folder, "app/realtime.tsx");
    const code = await readFile(file, "utf8");
    await writeFile(file, code.replace("{children}</RealtimeProvider>", '<i id="saved" />$&'));
    await page.locator("#saved").waitFor({ state: "attached", timeout: 30_000 });
    expect(await page.locator("html").getAttribute("data-before")).toBe("yes");
    await stateIs(page, "connected, subscribed");
    await ordersAre(page, "coffee");
  });
});
