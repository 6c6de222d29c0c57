import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkApiToken } from "../src/api-token.ts";
import { appSettings } from "./support/apps.ts";
import { RunningPublisher } from "./support/running-publisher.ts";

interface Changes {
  readonly header?: object;
  readonly claims?: object;
  readonly secret?: string;
  /** Seconds from now to the end. */
  readonly seconds?: number;
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function apiToken({ header, claims, secret = "secret-of-shop", seconds = 300 }: Changes = {}): string {
  const head = base64url({ alg: "HS256", typ: "carillon-api+jwt", kid: "key-of-shop", ...header });
  const body = base64url({ iss: "shop", exp: Math.floor(Date.now() / 1000) + seconds, ...claims });
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
}

const bearer = (token: string) => ({ "x-publish-secret": "", authorization: `Bearer ${token}` });

describe("API tokens", () => {
  it("open every address of the native API, with any secret in force and without a publish secret", async () => {
    const shop = appSettings("shop", { publishSecret: null, secrets: ["new", "old"] });
    await using running = await RunningPublisher.start({ apps: [shop] });
    const received = await running.record("a");
    const event = { channel: "a", event: "e", payload: 1 };
    for (const secret of ["new", "old"]) {
      expect((await running.post("/publish", event, bearer(apiToken({ secret })))).status).toBe(204);
    }
    expect(received).toHaveLength(2);
    const headers = bearer(apiToken({ secret: "new" }));
    for (const path of ["/channels", "/channels/a", "/channels/presence-a/members", "/connections", "/blocks"]) {
      expect([path, (await running.get(path, headers)).status]).toEqual([path, 200]);
    }
    expect((await running.post("/connections/disconnect", { user: "ann" }, headers)).status).toBe(200);
    expect((await running.post("/blocks", { user: "ann" }, headers)).status).toBe(200);
    expect((await running.get("/channels", bearer(apiToken()))).status).toBe(401);
  });

  it.each<[string, Changes]>([
    ["another secret", { secret: "secret-of-other" }],
    ["another app's key", { header: { kid: "key-of-other" } }],
    ["an unknown key", { header: { kid: "nobody" } }],
    ["another app's id", { claims: { iss: "other" } }],
    ["a connection token, which browsers hold", { header: { typ: "JWT" } }],
    ["no type", { header: { typ: undefined } }],
    ["no algorithm", { header: { alg: "none" } }],
    ["another algorithm", { header: { alg: "HS512" } }],
    ["no end", { claims: { exp: undefined } }],
    ["an end that is no number", { claims: { exp: "soon" } }],
  ])("%s is refused with the answer that tells nothing", async (_what, changes) => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop"), appSettings("other")] });
    const refused = await running.get("/channels", bearer(apiToken(changes)));
    expect(refused.status).toBe(401);
    expect(await refused.json()).toEqual(await (await running.get("/channels", bearer("x"))).json());
  });

  it("one that is over, or good for too long, is refused with what to do about it", async () => {
    await using running = await RunningPublisher.start();
    for (const seconds of [-1, 920, 86_400]) {
      const refused = await running.get("/channels", bearer(apiToken({ seconds })));
      expect(refused.status).toBe(401);
      expect(await refused.json()).toMatchObject({ code: "unauthorized", detail: expect.stringContaining("clocks") });
    }
    expect((await running.get("/channels", bearer(apiToken({ seconds: 890 })))).status).toBe(200);
  });

  it("a disabled app's opens nothing", async () => {
    await using running = await RunningPublisher.start({ apps: [appSettings("shop", { enabled: false })] });
    expect((await running.get("/channels", bearer(apiToken()))).status).toBe(403);
  });

  it("no text makes the check throw, and none but the signed one passes", async () => {
    await using running = await RunningPublisher.start();
    const rules = { apps: running.apps, nowSeconds: Date.now() / 1000 };
    const right = apiToken();
    expect(checkApiToken(right, rules).verdict).toBe("valid");
    const part = fc.string({ unit: "grapheme-ascii" }).map((text) => Buffer.from(text).toString("base64url"));
    const near = fc
      .tuple(fc.nat(right.length - 1), fc.constantFrom("A", "b", "_", ".", "é"))
      .map(([at, character]) => right.slice(0, at) + character + right.slice(at + 1))
      .filter((text) => !isSameToken(text, right));
    const texts = fc.oneof(
      fc.string(),
      fc.tuple(part, part, part).map((parts) => parts.join(".")),
      near,
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(checkApiToken(text, rules).verdict).toBe("invalid");
      }),
    );
  });
});

/** The last character of base64url may have bits that stand for nothing. */
function isSameToken(left: string, right: string): boolean {
  const bytesOf = (text: string) => text.slice(0, -43) + Buffer.from(text.slice(-43), "base64url").toString("hex");
  return bytesOf(left) === bytesOf(right);
}
