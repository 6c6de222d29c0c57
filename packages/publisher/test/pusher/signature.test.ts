import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SignatureRules, type SignedCall, stringToSign, verifySignature } from "../../src/pusher/signature.ts";

const KEY = "vk-7f3a9c";
const SECRET = "vs-1d2e4f6a8b";
const NOW = 1_700_000_000;
const RULES: SignatureRules = { key: KEY, secrets: [SECRET], nowSeconds: NOW };
const AUTH = `auth_key=${KEY}&auth_timestamp=${NOW}&auth_version=1.0`;

function hmac(text: string, secret = SECRET): string {
  return createHmac("sha256", secret).update(text).digest("hex");
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

describe("Pusher signature › vectors that the SDKs' own signatures were compared with", () => {
  it.each<[string, SignedCall, string]>([
    [
      "an event",
      {
        method: "POST",
        path: "/apps/4242/events",
        query: `${AUTH}&body_md5=${md5('{"name":"ev","data":"{\\"a\\":\\"é\\"}","channels":["room"]}')}`,
      },
      "dee123bd36819759701448b3021613a30d529c9c839e85665f44a7b3e33e49f1",
    ],
    [
      "channels by prefix",
      { method: "GET", path: "/apps/4242/channels", query: `${AUTH}&filter_by_prefix=presence-&info=user_count` },
      "e0dd7cd8bcef493e04bc9f85cd6848b8013315664c08ac71a193eb021e4827f9",
    ],
    [
      "a GET with the MD5 of no body, as Python's SDK sends it",
      { method: "GET", path: "/apps/4242/channels", query: `${AUTH}&body_md5=d41d8cd98f00b204e9800998ecf8427e` },
      "5797587687d130675f75161a43a7fd130c539e09082595d10427f4d9103fc8f3",
    ],
    [
      "a channel with every odd character",
      { method: "GET", path: "/apps/4242/channels/odd_1@=,.;", query: `${AUTH}&info=subscription_count` },
      "e4e7ddc476fd668a2571dacc48672fc252332600dfbecb953cc75a0928979bdb",
    ],
    [
      "the same, percent-encoded on its way",
      { method: "GET", path: "/apps/4242/channels/odd_1%40%3D%2C.%3B", query: `${AUTH}&info=subscription%5Fcount` },
      "e4e7ddc476fd668a2571dacc48672fc252332600dfbecb953cc75a0928979bdb",
    ],
    [
      "a user's connections",
      {
        method: "POST",
        path: "/apps/4242/users/u-1/terminate_connections",
        query: `${AUTH}&body_md5=99914b932bd37a50b983c5e7c90ae93b`,
      },
      "86626a4f47bde0693c87efa8dee552f3ef3480e71752e996fe57f07c7adfe4db",
    ],
  ])("%s", (_what, call, signature) => {
    expect(verifySignature({ ...call, query: `${call.query}&auth_signature=${signature}` }, RULES)).toMatchObject({
      ok: true,
    });
  });

  it("the vendor's published example", () => {
    const call = {
      method: "POST",
      path: "/apps/3/events",
      query:
        "body_md5=ec365a775a4cd0599faeb73354201b6f&auth_version=1.0&auth_key=278d425bdf160c739803&auth_timestamp=1353088179" +
        "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
    };
    const rules = { key: "278d425bdf160c739803", secrets: ["7ad3773142a6692b25b8"], nowSeconds: 1353088179 };
    expect(verifySignature(call, rules)).toMatchObject({ ok: true });
  });
});

const name = fc.stringMatching(/^[a-z_]{1,12}$/).filter((each) => !each.startsWith("auth_"));
const value = fc.string({ unit: "grapheme", maxLength: 20 });
const method = fc.constantFrom("GET", "POST");
const segment = fc.stringMatching(/^[-a-zA-Z0-9_=@,.;]{1,30}$/);

/** A signed call, whose parameters stand in any order. */
const signedCall = fc
  .record({
    method,
    path: segment.map((each) => `/apps/4242/channels/${each}`),
    parameters: fc.uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([each]) => each }),
    body: fc.string({ maxLength: 50 }),
    order: fc.infiniteStream(fc.nat()),
    isFormEncoded: fc.boolean(),
  })
  .map(({ method, path, parameters, body, order, isFormEncoded }) => {
    const pairs: [string, string][] = [
      ...parameters,
      ["auth_key", KEY],
      ["auth_timestamp", String(NOW)],
      ["auth_version", "1.0"],
      ["body_md5_of", md5(body)],
    ];
    const signature = hmac(stringToSign(method, path, pairs));
    const shuffled = [...pairs, ["auth_signature", signature] as [string, string]]
      .map((pair) => ({ pair, at: order.next().value as number }))
      .sort((left, right) => left.at - right.at)
      .map(({ pair }) => pair);
    const query = isFormEncoded
      ? new URLSearchParams(shuffled).toString()
      : shuffled.map(([each, text]) => `${each}=${encodeURIComponent(text)}`).join("&");
    return { call: { method, path, query }, parameters: new Map(pairs) };
  });

describe("Pusher signature › laws", () => {
  it("whatever is signed is accepted, in any order and encoding, with the parameters as they were signed", () => {
    fc.assert(
      fc.property(signedCall, ({ call, parameters }) => {
        const verified = verifySignature(call, RULES);
        expect(verified.ok).toBe(true);
        if (!verified.ok) return;
        for (const [each, text] of parameters) expect(verified.value.get(each)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("one character that is another one is refused, wherever it stands", () => {
    const changed = fc.tuple(signedCall, fc.nat(), fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789&=%+-_/.;"));
    fc.assert(
      fc.property(changed, ([{ call, parameters }, at, character]) => {
        const whole = `${call.path}?${call.query}`;
        const place = at % whole.length;
        const flipped = whole.slice(0, place) + character + whole.slice(place + 1);
        const question = flipped.indexOf("?");
        fc.pre(flipped !== whole && question !== -1);
        const changedCall = { ...call, path: flipped.slice(0, question), query: flipped.slice(question + 1) };
        const verified = verifySignature(changedCall, RULES);
        // Two spellings of the same call, such as %2B and %2b, are the same call.
        if (verified.ok) {
          expect(decodeURIComponent(changedCall.path)).toBe(decodeURIComponent(call.path));
          for (const [each, text] of parameters) expect(verified.value.get(each)).toBe(text);
        } else expect(["unauthorized", "invalid_field"]).toContain(verified.code);
      }),
      { numRuns: 2000 },
    );
  });

  it("another method is refused", () => {
    fc.assert(
      fc.property(signedCall, ({ call }) => {
        const other = call.method === "GET" ? "POST" : "GET";
        expect(verifySignature({ ...call, method: other }, RULES).ok).toBe(false);
      }),
    );
  });
});

describe("Pusher signature › who, when, with what", () => {
  const call = (query: string, secret = SECRET): SignedCall => {
    const pairs = [...new URLSearchParams(query)];
    const signature = hmac(stringToSign("GET", "/apps/1/channels", pairs), secret);
    return { method: "GET", path: "/apps/1/channels", query: `auth_signature=${signature}&${query}` };
  };

  it("any of the app's secrets may have signed, no other", () => {
    const rules = { ...RULES, secrets: ["new", "old"] };
    expect(verifySignature(call(AUTH, "old"), rules).ok).toBe(true);
    expect(verifySignature(call(AUTH, "new"), rules).ok).toBe(true);
    expect(verifySignature(call(AUTH, SECRET), rules).ok).toBe(false);
  });

  it.each([0, 600, -600])("a timestamp %i s off is accepted", (offSeconds) => {
    expect(verifySignature(call(AUTH), { ...RULES, nowSeconds: NOW + offSeconds }).ok).toBe(true);
  });

  it.each([601, -601, 1e9])("a timestamp %i s off is refused, and told what the time is here", (offSeconds) => {
    const refused = verifySignature(call(AUTH), { ...RULES, nowSeconds: NOW + offSeconds });
    expect(refused).toMatchObject({ code: "unauthorized", message: expect.stringContaining(`${NOW + offSeconds}`) });
  });

  it.each([
    ["auth_key", `auth_timestamp=${NOW}&auth_version=1.0`],
    ["auth_key", `auth_key=other&auth_timestamp=${NOW}&auth_version=1.0`],
    ["auth_timestamp", `auth_key=${KEY}&auth_version=1.0`],
    ["auth_timestamp", `auth_key=${KEY}&auth_timestamp=1e9&auth_version=1.0`],
    ["auth_version", `auth_key=${KEY}&auth_timestamp=${NOW}&auth_version=2.0`],
  ])("%s is named when it is wrong in %s", (parameter, query) => {
    const refused = verifySignature(call(query), RULES);
    expect(refused).toMatchObject({ code: "unauthorized", message: expect.stringContaining(parameter) });
  });

  it("what should have been signed is told, without the secret", () => {
    const query = `${AUTH}&auth_signature=${"0".repeat(64)}`;
    const refused = verifySignature({ method: "GET", path: "/apps/1/channels", query }, RULES);
    expect(refused).toMatchObject({
      message: expect.stringContaining(JSON.stringify(`GET\n/apps/1/channels\n${AUTH}`)),
    });
    expect(JSON.stringify(refused)).not.toContain(SECRET);
  });

  it("names of parameters are signed in lower case", () => {
    expect(verifySignature(call(AUTH), RULES).ok).toBe(true);
    const shouted = { ...call(AUTH), query: call(AUTH).query.replace("auth_version", "Auth_Version") };
    expect(verifySignature(shouted, RULES).ok).toBe(true);
  });

  it("a parameter that is there twice is refused", () => {
    expect(verifySignature(call(`${AUTH}&info=a&INFO=b`), RULES)).toMatchObject({ code: "invalid_field" });
  });
});
