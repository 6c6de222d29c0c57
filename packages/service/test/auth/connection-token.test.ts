import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { App } from "@carillon/core";
import { createAuthorizer, mintConnectionToken } from "@carillon/service";
import fc from "fast-check";
import { type JWTPayload, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { StillClock, testApp } from "./test-app.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const otherRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();

const clock = new StillClock();
const nowSeconds = Math.floor(clock.now() / 1000);
const authorizer = createAuthorizer({ clock });
const app = testApp();

const withToken = (token: Partial<App["settings"]["token"]>, secrets = app.settings.secrets) =>
  testApp({ secrets, token: { ...app.settings.token, ...token } });

interface Signing {
  readonly alg?: string;
  readonly key?: KeyObject | Uint8Array;
  readonly kid?: string;
}

function sign(claims: JWTPayload, { alg = "HS256", key = Buffer.from("app-secret"), kid }: Signing = {}) {
  return new SignJWT({ exp: nowSeconds + 60, ...claims })
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(key);
}

/** A token made by hand, for what a library refuses to make. */
function forge(header: object, claims: object, secret?: string | Buffer): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${encode(header)}.${encode(claims)}`;
  return `${body}.${secret === undefined ? "" : createHmac("sha256", secret).update(body).digest("base64url")}`;
}

/** What a refusal says; fails the test when the token was accepted. */
async function refusal(token: string, target: App = app) {
  const result = await authorizer.verifyConnectionToken(target, token);
  if (result.ok) throw new Error("the token was accepted");
  return result;
}

describe("connection tokens › what they grant", () => {
  it("is the subject, the token's id, what is told about the user, the capabilities and the end", async () => {
    const token = await sign({
      sub: "user-42",
      jti: "token-7",
      info: { name: "Ann" },
      cap: { "orders-*": ["subscribe"], "private-a": ["publish", "presence"] },
    });
    expect(await authorizer.verifyConnectionToken(app, token)).toEqual({
      ok: true,
      value: {
        userId: "user-42",
        tokenId: "token-7",
        userInfo: '{"name":"Ann"}',
        capabilities: { "orders-*": ["subscribe"], "private-a": ["publish", "presence"] },
        expiresAtMs: (nowSeconds + 65) * 1000,
      },
    });
  });

  it("is nobody and nothing when the token doesn't say", async () => {
    expect(await authorizer.verifyConnectionToken(app, await sign({}))).toMatchObject({
      ok: true,
      value: { userId: null, tokenId: null, userInfo: null, capabilities: {} },
    });
  });

  it("is what mintConnectionToken was told, for any claims", async () => {
    const capabilities = fc.dictionary(
      fc.string(),
      fc.subarray(["subscribe", "publish", "presence", "history"] as const),
      {
        maxKeys: 5,
      },
    );
    const strict = withToken({ issuer: "https://issuer.test", audience: "realtime" });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 128 }),
        capabilities,
        fc.integer({ min: 1, max: 1e9 }),
        fc.option(fc.jsonValue(), { nil: undefined }),
        async (sub, cap, ttlSeconds, info) => {
          const claims = { sub, jti: sub, info, capabilities: cap, ttlSeconds, nowMs: clock.now() };
          const token = await mintConnectionToken(strict, claims);
          const result = await authorizer.verifyConnectionToken(strict, token);
          expect(result).toEqual({
            ok: true,
            value: {
              userId: sub,
              tokenId: sub,
              userInfo: info == null ? null : JSON.stringify(info),
              capabilities: { ...cap },
              expiresAtMs: (nowSeconds + ttlSeconds + 5) * 1000,
            },
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is nothing when its id or what it tells about the user is too long", async () => {
    expect(await refusal(await sign({ jti: "x".repeat(129) }))).toMatchObject({ code: "token_invalid" });
    const long = await refusal(await sign({ info: "x".repeat(1023) }));
    expect(long).toMatchObject({ code: "token_invalid", message: expect.stringContaining("1024 bytes") });
    expect(await authorizer.verifyConnectionToken(app, await sign({ info: "x".repeat(1022) }))).toMatchObject({
      ok: true,
    });
  });

  it("ends at a time that exists, also when `exp` is beyond all times", async () => {
    const result = await authorizer.verifyConnectionToken(app, forge({ alg: "HS256" }, { exp: 1e300 }, "app-secret"));
    expect(result).toMatchObject({ ok: true, value: { expiresAtMs: 8.64e15 } });
  });
});

describe("connection tokens › keys", () => {
  it("accepts every secret in force", async () => {
    const rotating = withToken({}, ["newest", "app-secret", "oldest"]);
    expect(await authorizer.verifyConnectionToken(rotating, await sign({}))).toMatchObject({ ok: true });
    expect(await refusal(await sign({}), withToken({}, ["newest"]))).toMatchObject({
      code: "token_invalid",
      message: "The connection token is not valid: its signature fits none of the app's keys.",
    });
  });

  it.each([
    ["RS256", rsa],
    ["ES256", ec],
  ])("accepts %s with any of the public keys", async (alg, { privateKey }) => {
    const target = withToken({ publicKeys: [pem(otherRsa.publicKey), pem(ec.publicKey), pem(rsa.publicKey)] });
    expect(await authorizer.verifyConnectionToken(target, await sign({}, { alg, key: privateKey }))).toMatchObject({
      ok: true,
    });
  });

  it("refuses another key's signature", async () => {
    const target = withToken({ publicKeys: [pem(rsa.publicKey)] });
    const token = await sign({}, { alg: "RS256", key: otherRsa.privateKey });
    expect((await refusal(token, target)).message).toContain("its signature fits none of the app's keys");
  });

  it("says when there is no key for the algorithm", async () => {
    const token = await sign({}, { alg: "ES256", key: ec.privateKey });
    expect((await refusal(token)).message).toContain("the app has no public key for its algorithm, ES256");
    expect((await refusal(token, withToken({ publicKeys: [pem(rsa.publicKey)] }))).message).toContain("no public key");
  });
});

describe("connection tokens › confusion", () => {
  const target = withToken({ publicKeys: [pem(rsa.publicKey)] });
  const claims = { exp: nowSeconds + 60, sub: "admin" };

  it.each([
    ["its PEM", pem(rsa.publicKey)],
    ["its PEM without the line end", pem(rsa.publicKey).trim()],
    ["its DER", rsa.publicKey.export({ type: "spki", format: "der" })],
  ])("doesn't take a public key (%s) for a secret", async (_name, secret) => {
    const refused = await refusal(forge({ alg: "HS256", typ: "JWT" }, claims, secret), target);
    expect(refused.message).toContain("its signature fits none");
  });

  it.each(["none", "None", "NONE", "HS384", "HS512", "PS256", "RS512", "EdDSA", "", 5, null, undefined])(
    "refuses the algorithm %j",
    async (alg) => {
      for (const secret of [undefined, "app-secret"]) {
        const refused = await refusal(forge({ alg }, claims, secret), target);
        expect(refused.code).toBe("token_invalid");
        expect(refused.message).toMatch(/its algorithm \(`alg`\) must be|not a well-formed JWT/);
      }
    },
  );

  it("refuses a key that the token brings along", async () => {
    const jwk = otherRsa.publicKey.export({ format: "jwk" });
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", jwk }).sign(otherRsa.privateKey);
    expect((await refusal(token, target)).message).toContain("its signature fits none");
  });

  it("refuses extensions that it doesn't understand", async () => {
    await refusal(forge({ alg: "HS256", crit: ["x"], x: 1 }, claims, "app-secret"));
    await refusal(forge({ alg: "HS256", crit: ["b64"], b64: false }, claims, "app-secret"));
  });
});

describe("connection tokens › claims", () => {
  const expired = "The connection token has expired: get a new one.";

  it.each([
    [{ exp: nowSeconds - 6 }, "token_expired", expired],
    [{ exp: 0 }, "token_expired", expired],
    [{ exp: undefined }, "token_invalid", "it needs an end (`exp`)"],
    [{ exp: "soon" }, "token_invalid", "it needs an end (`exp`)"],
    [{ nbf: nowSeconds + 6 }, "token_invalid", "its time has not come yet (`nbf`)"],
    [{ sub: "" }, "token_invalid", "its subject (`sub`)"],
    [{ sub: "x".repeat(129) }, "token_invalid", "its subject (`sub`)"],
    [{ sub: 42 }, "token_invalid", "its subject (`sub`)"],
    [{ sub: "ann\ud83d" }, "token_invalid", "its subject (`sub`)"],
    [{ cap: [] }, "token_invalid", "its capabilities (`cap`)"],
    [{ cap: null }, "token_invalid", "its capabilities (`cap`)"],
    [{ cap: { "*": ["everything"] } }, "token_invalid", "its capabilities (`cap`)"],
    [{ cap: { "*": "subscribe" } }, "token_invalid", "its capabilities (`cap`)"],
  ])("refuses %j with %s", async (claims, code, message) => {
    const refused = await refusal(forge({ alg: "HS256" }, { exp: nowSeconds + 60, ...claims }, "app-secret"));
    expect(refused).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("allows clocks to be five seconds apart, and never grants a time that is over", async () => {
    const late = await authorizer.verifyConnectionToken(app, await sign({ exp: nowSeconds - 4 }));
    expect(late).toMatchObject({ ok: true });
    if (late.ok) expect(late.value.expiresAtMs).toBeGreaterThan(clock.now());
    expect(await authorizer.verifyConnectionToken(app, await sign({ nbf: nowSeconds + 5 }))).toMatchObject({
      ok: true,
    });
  });

  it("goes by the injected clock", async () => {
    const moving = new StillClock();
    const verifier = createAuthorizer({ clock: moving });
    const token = await sign({ exp: nowSeconds + 60 });
    moving.advance(64_000);
    expect(await verifier.verifyConnectionToken(app, token)).toMatchObject({ ok: true });
    moving.advance(2_000);
    expect(await verifier.verifyConnectionToken(app, token)).toMatchObject({ ok: false, code: "token_expired" });
  });

  it("checks issuer and audience where they are configured", async () => {
    const strict = withToken({ issuer: "https://issuer.test", audience: "realtime" });
    const right = { iss: "https://issuer.test", aud: ["other", "realtime"] };
    expect(await authorizer.verifyConnectionToken(strict, await sign(right))).toMatchObject({ ok: true });
    for (const [change, claim] of [
      [{ iss: "https://issuer.test/" }, "iss"],
      [{ iss: undefined }, "iss"],
      [{ aud: "other" }, "aud"],
      [{ aud: undefined }, "aud"],
    ] as const) {
      const token = forge({ alg: "HS256" }, { exp: nowSeconds + 60, ...right, ...change }, "app-secret");
      expect((await refusal(token, strict)).message).toContain(`(\`${claim}\`)`);
    }
    expect(await authorizer.verifyConnectionToken(app, await sign({ iss: "any", aud: "any" }))).toMatchObject({
      ok: true,
    });
  });
});

describe("connection tokens › rubbish", () => {
  it("is refused without repeating it", async () => {
    const good = await sign({ sub: "user-42" });
    const anyText = fc.oneof(
      fc.string({ unit: "binary", minLength: 8 }),
      fc
        .tuple(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 3 }))
        .map(([at, text]) => good.slice(0, at) + text + good.slice(at + text.length)),
      fc.array(fc.base64String({ minLength: 4 }), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(".")),
    );
    await fc.assert(
      fc.asyncProperty(anyText, async (token) => {
        const result = await authorizer.verifyConnectionToken(app, token);
        // Base64url ignores what the last character adds beyond whole bytes, so a changed text can be the same token.
        if (result.ok) {
          expect(result.value.userId).toBe("user-42");
        } else {
          expect(["token_invalid", "token_expired"]).toContain(result.code);
          expect(result.message).not.toContain(token);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("is not even looked at when it is too long", async () => {
    expect((await refusal(`${await sign({ sub: "x" })}${"x".repeat(9000)}`)).message).toContain(
      "longer than 8192 characters",
    );
  });
});

describe("connection tokens › what is none", () => {
  it("an API token is refused as one, whatever its claims", async () => {
    const claims = { iss: app.id, exp: nowSeconds + 60, cap: { "*": ["subscribe"] } };
    const token = forge({ alg: "HS256", typ: "carillon-api+jwt", kid: app.settings.key }, claims, "app-secret");
    expect(await refusal(token)).toMatchObject({
      code: "token_invalid",
      message: expect.stringContaining("for the publish API"),
    });
  });
});
