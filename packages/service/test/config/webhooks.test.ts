import { ConfigError, loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";

const APP = { id: "1001", key: "app-key", secrets: ["a-secret-of-some-length"] };

async function load(webhooks: unknown, more: object = {}, env: Record<string, string> = {}) {
  return loadConfig({ role: "dev", env, settings: { apps: [{ ...APP, webhooks }], ...more } });
}

async function problemsOf(webhooks: unknown, env: Record<string, string> = {}): Promise<string[]> {
  const error: unknown = await load(webhooks, {}, env).catch((caught: unknown) => caught);
  if (!(error instanceof ConfigError)) throw new Error("it was accepted");
  return error.problems.map(({ path, message }) => `${path} ${message}`);
}

describe("configuration of webhooks", () => {
  it("an endpoint has defaults, and an id that comes from its URL alone", async () => {
    const [first, second] = [
      await load([{ url: "https://example.com/hook" }]),
      await load([{ url: "https://example.com/hook", events: ["client_event"], channels: { prefix: "private-" } }]),
    ];
    const [endpoint] = first.apps[0]?.webhooks ?? [];
    expect(endpoint).toEqual({
      id: expect.stringMatching(/^[A-Za-z0-9_-]{16}$/),
      url: "https://example.com/hook",
      events: ["*"],
      channelPrefix: "",
      headers: {},
      allowPrivateNetwork: false,
    });
    expect(second.apps[0]?.webhooks[0]).toMatchObject({
      id: endpoint?.id,
      events: ["client_event"],
      channelPrefix: "private-",
    });
    expect(first.webhooks.retry.horizonSeconds).toBe(86_400);
  });

  it.each(["http://127.0.0.1/", "http://localhost:3000/", "http://a.localhost/", "https://[::1]/", "http://10.0.0.1/"])(
    "%s is refused unless private networks are allowed",
    async (url) => {
      expect(await problemsOf([{ url }])).toEqual([
        "apps[0].webhooks[0].url is at an address that is not public: set allowPrivateNetwork: true beside it if that is meant",
      ]);
      const { warnings } = await load([{ url, allowPrivateNetwork: true }]);
      expect(warnings).toEqual([]);
    },
  );

  it("every way to write a private address is known", async () => {
    for (const host of [
      "2130706433",
      "0x7f.1",
      "0177.0.0.1",
      "[::ffff:7f00:1]",
      "169.254.169.254",
      "[fd00:ec2::254]",
    ]) {
      expect(await problemsOf([{ url: `http://${host}/` }])).toHaveLength(1);
    }
  });

  it.each([
    [[{ url: "ftp://example.com/" }], "apps[0].webhooks[0].url must be a URL such as https://example.com/webhooks"],
    [[{}], "apps[0].webhooks[0].url is required (or set CARILLON_APP_WEBHOOK_URL)"],
    [[{ url: "https://u:p@example.com/" }], "must not contain a user name or password: use headers"],
    [[{ url: "https://example.com/#x" }], "must not have a fragment"],
    [[{ url: "https://example.com/", events: ["member_aded"] }], "Did you mean member_added?"],
    [[{ url: "https://example.com/", evnts: ["*"] }], "apps[0].webhooks[0].evnts is not a known key"],
    [[{ url: "https://example.com/", channels: { prefix: "orders-*" } }], "(no pattern)"],
    [[{ url: "https://example.com/", headers: { "content-type": "x" } }], "it is set by Carillon"],
    [[{ url: "https://example.com/", headers: { "X-Pusher-Key": "x" } }], "it is set by Carillon"],
    [[{ url: "https://example.com/", headers: { "a b": "x" } }], "it must be the name of an HTTP header"],
    [[{ url: "https://example.com/", headers: { a: "x", A: "y" } }], "has the same name twice"],
    [[{ url: "https://example.com/", headers: { a: "line\r\nbreak" } }], "printable ASCII"],
    [[{ url: "https://example.com/", headers: ["a"] }], "must be a map of texts"],
    [[{ url: "https://example.com/" }, { url: "https://example.com/" }], "put their events together"],
    [{ url: "https://example.com/" }, "apps[0].webhooks must be a list"],
    [Array.from({ length: 21 }, (_, at) => ({ url: `https://example.com/${at}` })), "must have at most 20 entries"],
  ])("%j is refused in words", async (webhooks, words) => {
    expect((await problemsOf(webhooks)).join("\n")).toContain(words);
  });

  it("an endpoint without TLS is warned of", async () => {
    expect((await load([{ url: "http://example.com/" }])).warnings.map(({ message }) => message)).toEqual([
      "is told without TLS: whoever is on the way can read the events",
    ]);
  });

  it("the only endpoint can come from the environment; of several none can be meant", async () => {
    const env = { CARILLON_APP_WEBHOOK_URL: "https://example.com/x", CARILLON_APP_WEBHOOK_HEADERS: '{"A":"1"}' };
    expect((await load(undefined, {}, env)).apps[0]?.webhooks).toMatchObject([
      { url: "https://example.com/x", headers: { a: "1" } },
    ]);
    const several = [{ url: "https://example.com/1" }, { url: "https://example.com/2" }];
    expect((await problemsOf(several, { CARILLON_APP_WEBHOOK_EVENTS: "*" })).join()).toContain(
      "which entry is meant can't be told",
    );
    expect(await problemsOf(undefined, { CARILLON_APP_WEBHOOK_HEADERS: "nonsense" })).toContain(
      "apps[0].webhooks[0].headers must be a map of texts",
    );
  });
});
