import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAuthorizer } from "@carillon/service";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { StillClock, testApp } from "./test-app.ts";

interface SigningKey {
  readonly kid?: string;
  readonly alg: "RS256" | "ES256";
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const rsaKey = (kid?: string): SigningKey => ({
  ...(kid === undefined ? {} : { kid }),
  alg: "RS256",
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }),
});
const ecKey = (kid: string): SigningKey => ({
  kid,
  alg: "ES256",
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }),
});

const keySet = (...keys: SigningKey[]) =>
  JSON.stringify({
    keys: keys.map(({ kid, alg, publicKey }) => ({ ...publicKey.export({ format: "jwk" }), alg, use: "sig", kid })),
  });

/** A real web server with one key set, or with something else. */
class KeySetServer {
  requests = 0;
  body = "";
  answer: (response: ServerResponse) => void = (response) => response.end(this.body);
  readonly #server = createServer((_request, response) => {
    this.requests++;
    this.answer(response);
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** An authorizer, an app that uses `server`, and a way to show it a token signed by `key`. */
function startChecks(server: KeySetServer, keySetCooldownMs = 0) {
  const clock = new StillClock();
  const authorizer = createAuthorizer({ clock, keySetCooldownMs });
  const app = testApp({
    token: { isRequired: true, publicKeys: [], jwksUrl: server.url, issuer: null, audience: null },
  });
  const show = async ({ kid, alg, privateKey }: SigningKey) => {
    const token = await new SignJWT({ exp: Math.floor(clock.now() / 1000) + 60 })
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
      .sign(privateKey);
    const result = await authorizer.verifyConnectionToken(app, token);
    return result.ok ? "accepted" : result.message.replace("The connection token is not valid: ", "");
  };
  return { clock, show };
}

const UNKNOWN = "the app's key set has no key for its key id (`kid`) and algorithm.";
const UNAVAILABLE = "The app's key set can't be fetched at the moment: try again.";

describe("key sets", () => {
  it("are fetched once, over HTTP, for both algorithms", async () => {
    await using server = await new KeySetServer().start();
    const [rsa, ec] = [rsaKey("rsa"), ecKey("ec")];
    server.body = keySet(rsa, ec);
    const { show } = startChecks(server, 60_000);
    expect(await Promise.all([show(rsa), show(ec), show(rsa)])).toEqual(["accepted", "accepted", "accepted"]);
    expect(await show(ec)).toBe("accepted");
    expect(server.requests).toBe(1);
  });

  it("follow a rotation", async () => {
    await using server = await new KeySetServer().start();
    const [old, next] = [rsaKey("old"), rsaKey("next")];
    server.body = keySet(old);
    const { show } = startChecks(server);
    expect(await show(old)).toBe("accepted");
    expect(await show(next)).toBe(UNKNOWN);
    server.body = keySet(next, old);
    expect(await show(next)).toBe("accepted");
    server.body = keySet(next);
    expect(await show(old)).toBe("accepted");
    // An unknown key id makes it look again, and then the withdrawn key is gone as well.
    await show(rsaKey("unknown"));
    expect(await show(old)).toBe(UNKNOWN);
    expect(await show(next)).toBe("accepted");
  });

  it("are not fetched again for each forged key id", async () => {
    await using server = await new KeySetServer().start();
    const key = ecKey("real");
    server.body = keySet(key);
    const { show } = startChecks(server, 60_000);
    expect(await show(key)).toBe("accepted");
    for (let index = 0; index < 20; index++) expect(await show(ecKey(`forged-${index}`))).toBe(UNKNOWN);
    expect(server.requests).toBe(1);
  });

  it("try every key of the kind when the token names none", async () => {
    await using server = await new KeySetServer().start();
    const [first, second, foreign] = [rsaKey(), rsaKey(), rsaKey()];
    server.body = keySet(first, second);
    const { show } = startChecks(server);
    expect(await show(first)).toBe("accepted");
    expect(await show(second)).toBe("accepted");
    expect(await show(foreign)).toBe("its signature fits none of the app's keys.");
  });

  it("don't let a key id vouch for another key, or for another algorithm", async () => {
    await using server = await new KeySetServer().start();
    server.body = keySet(rsaKey("rsa"));
    const { show } = startChecks(server, 60_000);
    expect(await show(rsaKey("rsa"))).toBe("its signature fits none of the app's keys.");
    expect(await show(ecKey("rsa"))).toBe(UNKNOWN);
  });

  it("don't make secrets out of symmetric keys", async () => {
    await using server = await new KeySetServer().start();
    server.body = JSON.stringify({
      keys: [{ kty: "oct", k: Buffer.from("from-the-set").toString("base64url"), alg: "HS256" }],
    });
    const authorizer = createAuthorizer({ clock: new StillClock() });
    const app = testApp({
      token: { isRequired: true, publicKeys: [], jwksUrl: server.url, issuer: null, audience: null },
    });
    const token = await new SignJWT({ exp: 2e9 })
      .setProtectedHeader({ alg: "HS256" })
      .sign(Buffer.from("from-the-set"));
    expect(await authorizer.verifyConnectionToken(app, token)).toMatchObject({ ok: false, code: "token_invalid" });
    expect(server.requests).toBe(0);
  });
});

describe("key sets › while the URL fails", () => {
  const broken: [string, (response: ServerResponse) => void][] = [
    ["answers 500", (response) => response.writeHead(500).end("{}")],
    ["redirects", (response) => response.writeHead(302, { location: "http://127.0.0.1:9/" }).end()],
    ["cuts the connection", (response) => response.destroy()],
    ["sends no JSON", (response) => response.end("<html>")],
    ["sends no key set", (response) => response.end('{"keys":"none"}')],
    ["sends without end", (response) => response.end(`{"keys":[${" ".repeat(300 * 1024)}]}`)],
  ];

  it.each(broken)("says so when it %s and was never there", async (_name, answer) => {
    await using server = await new KeySetServer().start();
    const key = rsaKey("a");
    server.body = keySet(key);
    const works = server.answer;
    server.answer = answer;
    const { clock, show } = startChecks(server);
    expect(await show(key)).toBe(UNAVAILABLE);
    // A storm of connections is no storm of fetches.
    expect(await Promise.all(Array.from({ length: 20 }, () => show(key)))).toEqual(Array(20).fill(UNAVAILABLE));
    expect(server.requests).toBe(1);
    server.answer = works;
    clock.advance(2_001);
    expect(await show(key)).toBe("accepted");
  });

  it.each(broken)("goes on with the last known set when it %s, for an hour", async (_name, answer) => {
    await using server = await new KeySetServer().start();
    const key = rsaKey("a");
    server.body = keySet(key);
    const { clock, show } = startChecks(server);
    expect(await show(key)).toBe("accepted");
    server.answer = answer;
    // The unknown key id makes it fetch, which fails.
    expect(await show(rsaKey("b"))).toBe(UNAVAILABLE);
    expect(server.requests).toBe(2);
    expect(await show(key)).toBe("accepted");
    clock.advance(60 * 60_000 - 1_000);
    expect(await show(rsaKey("b"))).toBe(UNAVAILABLE);
    expect(await show(key)).toBe("accepted");
    clock.advance(1_001);
    expect(await show(key)).toBe(UNAVAILABLE);
  });

  it("refuses no key that came meanwhile, which would be for good", async () => {
    await using server = await new KeySetServer().start();
    const [old, next] = [rsaKey("old"), rsaKey("next")];
    server.body = keySet(old);
    const works = server.answer;
    const { clock, show } = startChecks(server);
    expect(await show(old)).toBe("accepted");
    server.answer = (response) => response.writeHead(503).end();
    server.body = keySet(next, old);
    expect(await Promise.all([show(next), show(next)])).toEqual([UNAVAILABLE, UNAVAILABLE]);
    expect(await show(next)).toBe(UNAVAILABLE);
    server.answer = works;
    clock.advance(2_001);
    expect(await show(next)).toBe("accepted");
  });
});
