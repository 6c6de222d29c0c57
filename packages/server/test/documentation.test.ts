import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { NativeClient } from "@carillon/testkit";
import { describe, expect, it, vi } from "vitest";
import { LOCAL_ERROR_CODES } from "../src/carillon-error.ts";
import { Page } from "./support/page.ts";
import { RunningCarillon } from "./support/running-carillon.ts";

const README = new URL("../README.md", import.meta.url);
const GUIDE = new URL("../../../docs/server-sdk.md", import.meta.url);
/** The app that `carillon dev` begins with, which the pages use. */
const DEV_APP = { id: "1001", key: "app-key", secrets: ["app-secret"] };

const startDev = () => RunningCarillon.start({ app: DEV_APP });

async function subscribeBy(client: NativeClient, channel: string, answer: Response): Promise<object> {
  expect(answer.status).toBe(200);
  const { token } = (await answer.json()) as { token: string };
  return client.request({ type: "subscribe", channel, token });
}

describe.each([
  ["README.md", README],
  ["docs/server-sdk.md", GUIDE],
])("%s", (_name, file) => {
  it("has code that the compiler accepts", async () => {
    await using page = await Page.open(file, "http://127.0.0.1:1");
    expect(page.files.length).toBeGreaterThan(2);
    expect(page.problems()).toEqual([]);
  });

  it("has an auth route that lets the right ones in", async () => {
    await using carillon = await startDev();
    await using page = await Page.open(file, carillon.url);
    await using client = await carillon.client();
    const ask = (channel: string, headers: Record<string, string>) => {
      const body = JSON.stringify({ channel, socketId: client.connectionId });
      return page.call("app/api/realtime/auth/route.ts", "POST", { body, headers });
    };
    const own = await ask("private-user-ann", { "x-user": "ann" });
    expect(await subscribeBy(client, "private-user-ann", own)).toMatchObject({ type: "subscribed" });
    expect((await ask("private-user-bob", { "x-user": "ann" })).status).toBe(403);
    expect((await ask("private-user-ann", {})).status).toBe(401);
  });
});

describe("README.md › publishing", () => {
  it("reaches the user", async () => {
    await using carillon = await startDev();
    await using page = await Page.open(README, carillon.url);
    await using client = await carillon.client(
      carillon.server({ secret: "app-secret" }).createToken({ capabilities: { "private-user-42": ["subscribe"] } }),
    );
    await client.subscribe("private-user-42");
    const body = JSON.stringify({ id: 7, userId: "42" });
    const response = await page.call("app/api/orders/route.ts", "POST", { body });
    expect(response.status).toBe(200);
    expect(await client.events(1)).toMatchObject([{ event: "order.created", payload: { id: 7, userId: "42" } }]);
  });
});

describe("docs/server-sdk.md", () => {
  it("has programs that run", async () => {
    await using carillon = await startDev();
    await using page = await Page.open(GUIDE, carillon.url);
    const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
    try {
      for (const name of page.files) await page.run(name);
      const lines = said.mock.calls.map((call) => call.join(" "));
      expect(lines).toContain("invalid_payload");
      expect(lines).toContain("invalid_channel  false");
      expect(lines.filter((line) => line.startsWith("order.created [object Object]")).length).toBeGreaterThan(2);
    } finally {
      said.mockRestore();
    }
  });

  it("lets a member onto a presence channel, a user connect, and Pusher's clients in", async () => {
    await using carillon = await startDev();
    await using page = await Page.open(GUIDE, carillon.url);
    const headers = { "x-user": "ann" };
    await using client = await carillon.client();
    const body = JSON.stringify({ channel: "presence-lobby", socketId: client.connectionId });
    const answer = await page.call("app/api/realtime/auth/route.ts", "POST", { body, headers });
    expect(await subscribeBy(client, "presence-lobby", answer)).toMatchObject({
      presence: { me: { id: "ann", info: { name: "Ann" } } },
    });
    const { token } = (await (await page.call("app/api/realtime/token/route.ts", "GET", { headers })).json()) as {
      token: string;
    };
    await using other = await carillon.client(token);
    await other.subscribe("private-user-ann");
    const form = new URLSearchParams({ socket_id: "1.2", channel_name: "presence-lobby" });
    const pusher = await page.call("app/pusher/auth/route.ts", "POST", { body: form });
    const data = '{"user_id":"ann","user_info":{"name":"Ann"}}';
    const signature = createHmac("sha256", "app-secret").update(`1.2:presence-lobby:${data}`).digest("hex");
    expect(await pusher.json()).toEqual({ auth: `app-key:${signature}`, channel_data: data });
  });

  it("takes webhooks that are right, and refuses others", async () => {
    await using page = await Page.open(GUIDE, "http://127.0.0.1:1");
    const body = JSON.stringify({ time_ms: Date.now(), events: [{ name: "cache_miss", channel: "a", id: "1" }] });
    const signature = createHmac("sha256", "app-secret").update(body).digest("hex");
    const headers = { "x-pusher-key": "app-key", "x-pusher-signature": signature };
    const call = (text: string) => page.call("app/api/webhooks/route.ts", "POST", { body: text, headers });
    expect((await call(body)).status).toBe(204);
    expect((await call(`${body} `)).status).toBe(401);
  });

  it("lists every code of this side, and whether to try again", () => {
    const section = readFileSync(GUIDE, "utf8").split("## Errors")[1]?.split("## Repeats")[0] ?? "";
    const rows = [...section.matchAll(/^\| `(\w+)` \| (yes|no) \|/gm)].map(([, code, retry]) => [
      code,
      retry === "yes",
    ]);
    const known = Object.entries(LOCAL_ERROR_CODES).map(([code, { isRetryable }]) => [code, isRetryable]);
    expect(rows).toEqual(known);
  });
});
