import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { EdgeVM } from "@edge-runtime/vm";
import { beforeAll, describe, expect, it } from "vitest";
import { bundle } from "./support/bundle.ts";
import { APP, RunningCarillon } from "./support/running-carillon.ts";
import { Workerd } from "./support/workerd.ts";

/** What is run everywhere, as text: it gets the SDK and what it needs to know, and answers what came of it. */
const PROGRAM = `async ({ CarillonServer, CarillonError }, { app, host, webhook }) => {
  const carillon = new CarillonServer({ appId: app.id, key: app.key, secret: app.secret, host });
  const refused = await carillon.trigger("a b", "e", 1).catch((error) => error);
  const wrong = new CarillonServer({ appId: app.id, key: app.key, secret: "wrong", host });
  const unauthorized = await wrong.trigger("a", "e", 1).catch((error) => error);
  const unreachable = await new CarillonServer({ appId: "1", key: "k", secret: "s", host: "http://127.0.0.1:1", maxRetries: 0 })
    .channels.get("a").catch((error) => error);
  const result = await carillon.trigger("kept-a", "order.created", { id: 7, name: "Zoë" });
  const again = await carillon.triggerBatch([{ channel: "kept-a", event: "order.created", data: 8, id: result.id }]);
  return {
    channelToken: carillon.authenticateChannel("1.2", "private-a"),
    memberToken: carillon.authenticateChannel("1.2", "presence-a", { id: "ann", info: { name: "Zoë" } }),
    jwt: carillon.createToken({ userId: "Zoë" }).split(".").slice(0, 1),
    user: carillon.authenticateUser("1.2", { id: "Zoë" }),
    channels: result.channels,
    duplicates: again[0].duplicates,
    kept: (await carillon.channels.history("kept-a")).publications.map(({ payload }) => payload),
    pusher: await (await carillon.pusher.trigger("a", "e", { b: "ü" })).json(),
    events: carillon.webhooks.verify(webhook.body, webhook.headers).events.length,
    codes: [refused.code, unauthorized.code, unreachable.code],
    areTyped: [refused, unauthorized, unreachable].every((error) => error instanceof CarillonError),
  };
}`;

function input(host: string) {
  const body = JSON.stringify({ time_ms: Date.now(), events: [{ name: "cache_miss", channel: "Zoë", id: "1" }] });
  const signature = createHmac("sha256", APP.secret).update(body).digest("hex");
  return { app: APP, host, webhook: { body, headers: { "x-pusher-key": APP.key, "x-pusher-signature": signature } } };
}

const sign = (text: string) => `${APP.key}:${createHmac("sha256", APP.secret).update(text).digest("hex")}`;
const MEMBER = '{"user_id":"ann","user_info":{"name":"Zoë"}}';

const EXPECTED = {
  channelToken: sign("1.2:private-a"),
  memberToken: `${sign(`1.2:presence-a:${MEMBER}`)}:${MEMBER}`,
  jwt: [Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url")],
  user: { auth: sign('1.2::user::{"id":"Zoë"}'), user_data: '{"id":"Zoë"}' },
  channels: ["kept-a"],
  duplicates: ["kept-a"],
  kept: [{ id: 7, name: "Zoë" }],
  pusher: {},
  events: 1,
  codes: ["invalid_channel", "unauthorized", "unreachable"],
  areTyped: true,
};

let bundled: Awaited<ReturnType<typeof bundle>>;

beforeAll(async () => {
  bundled = await bundle();
});

describe("runtimes", () => {
  it("Node: both forms of what is published", async () => {
    await using carillon = await RunningCarillon.start();
    const given = input(carillon.url);
    const esm = (await import(`data:text/javascript,${encodeURIComponent(bundled.esm)}`)) as object;
    const cjs = {};
    new Function("exports", bundled.cjs)(cjs);
    const program = new Function(`return ${PROGRAM}`)() as (sdk: object, given: object) => Promise<object>;
    expect(await program(esm, given)).toEqual(EXPECTED);
    await using other = await RunningCarillon.start();
    expect(await program(cjs, input(other.url))).toEqual(EXPECTED);
  });

  it("the Edge runtime of Next.js", async () => {
    await using carillon = await RunningCarillon.start();
    const vm = new EdgeVM();
    vm.evaluate(`globalThis.sdk = ((exports) => { ${bundled.cjs}; return exports; })({});`);
    const json = await vm.evaluate<Promise<string>>(
      `(${PROGRAM})(globalThis.sdk, ${JSON.stringify(input(carillon.url))}).then(JSON.stringify)`,
    );
    expect(JSON.parse(json)).toEqual(EXPECTED);
    expect(vm.evaluate("[typeof process, typeof Buffer, typeof require]")).toEqual([
      "undefined",
      "undefined",
      "undefined",
    ]);
  });

  // The older one has no \`cache\` of requests, and throws for it.
  it.each(["2023-05-18", "2026-11-01"])("Workers, compatible with %s", async (compatibilityDate) => {
    await using carillon = await RunningCarillon.start();
    const worker = `import * as sdk from "sdk";
      const program = ${PROGRAM};
      export default { fetch: async (request) => Response.json(await program(sdk, await request.json())) };`;
    await using workerd = await Workerd.start({ modules: { worker, sdk: bundled.esm }, compatibilityDate });
    const response = await fetch(workerd.url, { method: "POST", body: JSON.stringify(input(carillon.url)) });
    expect(await response.json()).toEqual(EXPECTED);
  });
});

describe("what is published", () => {
  it("imports nothing, and names nothing that only Node has", () => {
    for (const text of [bundled.esm, bundled.cjs]) {
      expect(text).not.toMatch(
        /\bfrom\s*"|\bimport\s*\(|\brequire\s*\(|"node:|\bprocess\b\.|\bBuffer\b\.|\b__dirname\b/,
      );
    }
  });

  it("comes from source that imports the protocol, the hashes and itself alone", () => {
    const folder = new URL("../src/", import.meta.url);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const imports = files.flatMap((name) => [
      ...readFileSync(new URL(name, folder), "utf8").matchAll(/ from "([^"]+)"/g),
    ]);
    const others = imports.map(([, specifier = ""]) => specifier).filter((specifier) => !specifier.startsWith("."));
    expect(others.filter((name) => name !== "@carillon/protocol" && !name.startsWith("@noble/hashes/"))).toEqual([]);
    expect(files.length).toBeGreaterThan(15);
  });

  it("is small", () => {
    // With its comments, which bundlers take away.
    expect(gzipSync(bundled.esm).length).toBeLessThan(32_000);
  });
});
