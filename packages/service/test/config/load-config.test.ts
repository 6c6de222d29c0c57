import { DEV_APP, devConfig, loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { problemsOf, refusalOf } from "./refusal.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const app = { id: "1", key: "k", secrets: ["a-secret-of-some-length"] };
const nats = { servers: ["nats://127.0.0.1:4222"] };

/** Loads `settings` for a gateway, without any environment. */
const load = (settings: unknown, env: Record<string, string> = {}) => loadConfig({ role: "gateway", env, settings });

describe("loadConfig › defaults", () => {
  it("gives a dev process the dev app and everything else by default", async () => {
    const config = await loadConfig({ role: "dev", env: {} });
    expect(config).toEqual(devConfig());
    expect(config.apps).toEqual([DEV_APP]);
    expect(config.gateway).toMatchObject({ host: "0.0.0.0", port: 8080, maxConnections: 0, idleTimeoutSeconds: 120 });
    expect(config.nats.servers).toEqual([]);
    expect(config.log).toEqual({ format: "pretty", level: "info" });
    expect(config.warnings).toEqual([]);
  });

  it("fills an app up with the documented defaults", async () => {
    const config = await load({ apps: [app], nats });
    expect(config.apps).toEqual([
      {
        ...app,
        publishSecret: null,
        enabled: true,
        allowedOrigins: ["*"],
        clientEvents: { enabled: false, perSecond: 10 },
        userAuthentication: true,
        watchlist: true,
        subscriptionCount: false,
        token: { isRequired: false, publicKeys: [], jwksUrl: null, issuer: null, audience: null },
        limits: {
          connections: 0,
          connectionsPerUser: 0,
          presenceMembers: 100,
          messageBytes: 10_240,
          batchEvents: 10,
          channelsPerPublish: 100,
          channelsPerConnection: 200,
          commandsPerSecond: 50,
          publishesPerSecond: 0,
          historyBytes: 0,
          blocks: 10_000,
        },
        webhooks: [],
      },
    ]);
    expect(config.log.format).toBe("json");
  });

  it("takes a section without content as all defaults", async () => {
    const config = await load({ apps: [app], nats, gateway: null, log: undefined });
    expect(config.gateway).toEqual((await load({ apps: [app], nats })).gateway);
  });

  it("is frozen to the last field", async () => {
    const config = await load({ apps: [app], nats });
    for (const part of [config, config.apps, config.apps[0]?.secrets, config.gateway.drain, DEV_APP.limits]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe("loadConfig › what a process needs", () => {
  it.each(["gateway", "publisher"] as const)("asks a %s for an app and a NATS server, in one go", async (role) => {
    const problems = await problemsOf(loadConfig({ role, env: {} }));
    expect(problems).toEqual([
      expect.stringMatching(/^apps: must have at least one app.*CARILLON_APP_ID/),
      expect.stringMatching(/^nats\.servers: must name at least one NATS server.*CARILLON_NATS/),
    ]);
  });

  it("takes an empty list of apps for none", async () => {
    expect(await problemsOf(load({ apps: [], nats }))).toEqual([
      expect.stringContaining("apps: must have at least one"),
    ]);
  });
});

describe("loadConfig › precedence", () => {
  it("is flag, environment, file, default", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", "gateway: { port: 1, host: 127.0.0.2, lingerSeconds: 9 }");
    const env = { CARILLON_PORT: "2", CARILLON_HOST: "127.0.0.3" };
    const { gateway } = await loadConfig({ role: "dev", env, file, overrides: { port: 3 } });
    expect(gateway).toMatchObject({ port: 3, host: "127.0.0.3", lingerSeconds: 9, maxLingeringChannels: 100_000 });
  });

  it("lets the short names and flags mean the section of the process", async () => {
    const env = { CARILLON_HOST: "127.0.0.4", CARILLON_NATS: "nats://a:1, nats://b:2" };
    const overrides = { port: "7", adminPort: "8", logFormat: "pretty" };
    const config = await loadConfig({ role: "publisher", env, settings: { apps: [app] }, overrides });
    expect(config.publisher).toMatchObject({ host: "127.0.0.4", port: 7 });
    expect(config.gateway).toMatchObject({ host: "0.0.0.0", port: 8080 });
    expect(config.admin.port).toBe(8);
    expect(config.log.format).toBe("pretty");
    expect(config.nats.servers).toEqual(["nats://a:1", "nats://b:2"]);
  });

  it("refuses two variables for one setting", async () => {
    const env = { CARILLON_PORT: "1", CARILLON_GATEWAY_PORT: "1" };
    expect(await problemsOf(load({ apps: [app], nats }, env))).toEqual([
      "CARILLON_PORT gateway.port: CARILLON_GATEWAY_PORT sets the same: remove one of the two",
    ]);
  });

  it("reads the file that CARILLON_CONFIG names, and another one when told to", async () => {
    await using folder = await TemporaryFolder.create();
    const env = { CARILLON_CONFIG: await folder.write("a.yaml", "admin: { port: 11 }") };
    expect((await loadConfig({ role: "dev", env })).admin.port).toBe(11);
    const file = await folder.write("b.yaml", "admin: { port: 22 }");
    const config = await loadConfig({ role: "dev", env, file });
    expect(config.admin.port).toBe(22);
    expect(config.files).toEqual([file]);
  });
});

describe("loadConfig › units", () => {
  it.each([
    [90, 90],
    ["90", 90],
    ["90s", 90],
    ["1.5m", 90],
    ["9000ms", 9],
  ])("reads the duration %o as %d seconds", async (written, seconds) => {
    const { gateway } = await load({ apps: [app], nats, gateway: { idleTimeoutSeconds: written } });
    expect(gateway.idleTimeoutSeconds).toBe(seconds);
  });

  it.each([
    [20_000, 20_000],
    ["20KB", 20_000],
    ["20 kib", 20_480],
    ["0.5MiB", 524_288],
  ])("reads the size %o as %d bytes", async (written, bytes) => {
    const { gateway } = await load({ apps: [app], nats, gateway: { maxFrameBytes: written } });
    expect(gateway.maxFrameBytes).toBe(bytes);
  });

  it.each([
    [{ idleTimeoutSeconds: 7 }, "gateway.idleTimeoutSeconds: must be a duration from 8 to 960 seconds"],
    [{ idleTimeoutSeconds: 961 }, "gateway.idleTimeoutSeconds: must be a duration from 8 to 960 seconds"],
    [{ idleTimeoutSeconds: 0 }, "gateway.idleTimeoutSeconds: must be a duration from 8 to 960 seconds"],
    [{ idleTimeoutSeconds: "1500ms" }, "gateway.idleTimeoutSeconds: must be a duration"],
    [{ lingerSeconds: "5 weeks" }, "gateway.lingerSeconds: must be a duration"],
    [{ maxFrameBytes: 2 ** 31 }, "gateway.maxFrameBytes: must be a size from 1024 to 2147483647 bytes"],
    [{ maxBackpressureBytes: "2GiB" }, "gateway.maxBackpressureBytes: must be a size"],
    [{ maxBackpressureBytes: 0 }, "gateway.maxBackpressureBytes: must be a size"],
    [{ port: 65_536 }, "gateway.port: must be a whole number from 0 to 65535"],
    [{ port: -1 }, "gateway.port: must be a whole number"],
    [{ port: 80.5 }, "gateway.port: must be a whole number"],
    [{ port: Number.NaN }, "gateway.port: must be a whole number"],
    [{ port: "0x50" }, "gateway.port: must be a whole number"],
    [{ port: null }, "gateway.port: has no value: give it one, or remove the key"],
    [{ host: "http://x" }, "gateway.host: must be a host name or an IP address"],
  ])("refuses %o", async (gateway, problem) => {
    expect(await problemsOf(load({ apps: [app], nats, gateway }))).toEqual([expect.stringContaining(problem)]);
  });
});

describe("loadConfig › apps", () => {
  const two = (first: object, second: object) => ({
    apps: [
      { ...app, ...first },
      { ...app, id: "2", key: "k2", ...second },
    ],
    nats,
  });

  it("refuses an id, key or publish secret that two apps share", async () => {
    const settings = two({ publishSecret: "shared-by-two" }, { id: "1", key: "k", publishSecret: "shared-by-two" });
    expect(await problemsOf(load(settings))).toEqual([
      "apps[1].id: is the same as apps[0].id: each app needs its own",
      "apps[1].key: is the same as apps[0].key: each app needs its own",
      "apps[1].publishSecret: is the same as apps[0].publishSecret: each app needs its own",
    ]);
  });

  it("finds what two apps share also while something else is wrong with them", async () => {
    const problems = await problemsOf(load(two({ enabled: "maybe" }, { key: "k" })));
    expect(problems).toEqual([
      "apps[0].enabled: must be true or false",
      expect.stringContaining("apps[1].key: is the same"),
    ]);
  });

  it.each([
    [{ id: 1001 }, "apps[0].id: must be a text: put it in quotes"],
    [{ id: "a.b" }, "apps[0].id: must have 1 to 64 characters out of"],
    [{ key: "" }, "apps[0].key: must have 1 to 64 characters"],
    [{ secrets: [] }, "apps[0].secrets: must have 1 to 10 items"],
    [{ secrets: [""] }, "apps[0].secrets[0]: must not be empty"],
    [{ secrets: ["one-secret", "one-secret"] }, "apps[0].secrets[1]: repeats an earlier item"],
    [{ secrets: ["with a line end\n"] }, "apps[0].secrets[0]: must not begin or end with blanks"],
    [{ publishSecret: "" }, "apps[0].publishSecret: must not be empty"],
    [{ publishSecret: "not ascii é" }, "apps[0].publishSecret: must have 1 to 512 visible ASCII characters"],
    [{ allowedOrigins: ["https://example.com/"] }, "apps[0].allowedOrigins[0]: must be *, an origin such as"],
    [{ token: { jwksUrl: "file:///keys" } }, "apps[0].token.jwksUrl: must be a URL such as https"],
    [{ token: { jwksUrl: "https://u:p@example.com" } }, "apps[0].token.jwksUrl: must not contain a user name"],
    [{ token: { publicKeys: ["no key"] } }, "apps[0].token.publicKeys[0]: must be a public key in PEM"],
    [{ limits: "none" }, "apps[0].limits: must be a map of keys and values"],
  ])("refuses %o", async (change, problem) => {
    const problems = await problemsOf(load({ apps: [{ ...app, ...change }], nats }));
    expect(problems).toEqual([expect.stringContaining(problem)]);
  });

  it("takes one secret without the brackets of a list", async () => {
    const { apps } = await load({ apps: [{ ...app, secrets: "only-one-and-long-enough" }], nats });
    expect(apps[0]?.secrets).toEqual(["only-one-and-long-enough"]);
  });

  it("warns about short secrets and about key sets without TLS, and goes on", async () => {
    const weak = {
      ...app,
      secrets: ["short"],
      publishSecret: "short-too",
      token: { jwksUrl: "http://auth.test/jwks" },
    };
    const { warnings } = await load({ apps: [weak], nats });
    expect(warnings.map(({ path }) => path)).toEqual([
      "apps[0].secrets[0]",
      "apps[0].publishSecret",
      "apps[0].token.jwksUrl",
    ]);
    expect(JSON.stringify(warnings)).not.toContain("short-too");
  });
});

describe("loadConfig › settings that must fit together", () => {
  it.each([
    [{ maxFrameBytes: "12KB" }, ["apps[0].limits.messageBytes: needs gateway.maxFrameBytes to be at least 12288"]],
    [{ maxFrameBytes: 12_288 }, []],
    [{ maxBackpressureBytes: 65_535 }, ["gateway.maxBackpressureBytes: must not be below gateway.maxFrameBytes"]],
  ])("checks %o against the size of messages", async (gateway, expected) => {
    const settings = { apps: [app], nats, gateway };
    const problems = expected.length === 0 ? [] : await problemsOf(load(settings));
    if (expected.length === 0) await load(settings);
    expect(problems).toEqual(expected.map((text) => expect.stringContaining(text)));
  });

  it.each([
    [{ gateway: { port: 9090 } }, ["admin.port: must be another one than gateway.port"]],
    [{ gateway: { port: 9090, host: "127.0.0.1" }, admin: { host: "127.0.0.2" } }, []],
    [{ gateway: { port: 0 }, admin: { port: 0 } }, []],
    [{ publisher: { port: 9090 } }, []],
  ])("of a gateway, %o listens where nothing else of it does", async (ports, expected) => {
    const settings = { apps: [app], nats, ...ports };
    const problems = expected.length === 0 ? [] : await problemsOf(load(settings));
    if (expected.length === 0) await load(settings);
    expect(problems).toEqual(expected.map((text) => expect.stringContaining(text)));
  });

  it("asks for room in bodies too, and for none when messages have no limit of their own", async () => {
    const withLimit = (messageBytes: number) => ({
      apps: [{ ...app, limits: { messageBytes } }],
      nats,
      publisher: { maxBodyBytes: "11KB" },
    });
    expect(await problemsOf(load(withLimit(10_240)))).toEqual([
      expect.stringContaining("needs publisher.maxBodyBytes"),
    ]);
    await load(withLimit(0));
  });

  it.each([
    [{ credentials: { user: "u" } }, "nats.credentials.password: is missing"],
    [{ credentials: { password: "pw" } }, "nats.credentials.user: is missing"],
    [{ credentials: { token: "t", nkeySeed: "s" } }, "nats.credentials: must be one way only"],
    [{ credentials: { user: "u", password: "p", credsFile: "f" } }, "nats.credentials: must be one way only"],
    [{ tls: { certFile: "c.pem" } }, "nats.tls.keyFile: is missing"],
    [{ tls: { keyFile: "k.pem" } }, "nats.tls.certFile: is missing"],
    [{ history: { replicas: 2 } }, "nats.history.replicas: must be 1, 3 or 5"],
    [{ blocks: { replicas: 4 } }, "nats.blocks.replicas: must be 1, 3 or 5"],
    [{ servers: ["nats://user:pw@host:4222"] }, "nats.servers[0]: must not contain credentials"],
    [{ servers: ["http://host"] }, "nats.servers[0]: must be a server such as"],
    [{ servers: ["host:99999"] }, "nats.servers[0]: must be a server such as"],
    [{ prefix: "a.b" }, "nats.prefix: must have 1 to 64 characters"],
    [{ idempotency: { replicas: 6 } }, "nats.idempotency.replicas: must be a whole number from 1 to 5"],
  ])("refuses nats: %o", async (change, problem) => {
    expect(await problemsOf(load({ apps: [app], nats: { ...nats, ...change } }))).toEqual([
      expect.stringContaining(problem),
    ]);
  });
});

describe("loadConfig › misspelt keys", () => {
  it.each([
    [{ gatway: {} }, "gatway: is not a known key. Did you mean gateway?"],
    [{ gateway: { prot: 1 } }, "gateway.prot: is not a known key. Did you mean port?"],
    [{ gateway: { max_connections: 1 } }, "gateway.max_connections: is not a known key. Did you mean maxConnections?"],
    [{ port: 1 }, "port: is not a known key. Did you mean gateway.port or publisher.port or admin.port?"],
    [{ log: { zzz: 1 } }, "log.zzz: is not a known key. Known here are format, level."],
    [{ log: { level: "warning" } }, "log.level: must be one of trace, debug, info, warn, error. Did you mean warn?"],
    [{ channel: [] }, "channel: is not a known key."],
    [{ apps: [{ ...app, hooks: [] }] }, "apps[0].hooks: is not a known key."],
    [
      { apps: [{ ...app, limits: { mesageBytes: 1 } }] },
      "apps[0].limits.mesageBytes: is not a known key. Did you mean",
    ],
  ])("refuses %o", async (settings, problem) => {
    expect(await problemsOf(load({ apps: [app], nats, ...settings }))).toEqual([expect.stringContaining(problem)]);
  });

  it("doesn't repeat a key that may be a value behind a forgotten blank", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write(
      "c.yaml",
      "apps:\n  - {id: '1', key: k, secrets: [s], publishSecret:hunter2-hunter2}\n",
    );
    const error = await refusalOf(loadConfig({ role: "dev", env: {}, file }));
    expect(error.message).toContain("is a blank missing behind a colon?");
    expect(error.message).not.toContain("hunter2");
  });
});

describe("loadConfig › all problems at once", () => {
  it("names each with its line and column, and says which variable or flag it came from", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write(
      "carillon.yaml",
      [
        "apps:",
        "  - id: 1001",
        "    key: k",
        "    limits: { messageBytes: lots }",
        "gateway:",
        "  prot: 1",
        "log:",
        "  level: loud",
        "admin: [1]",
      ].join("\n"),
    );
    const env = { CARILLON_PORT: "http" };
    const error = await refusalOf(loadConfig({ role: "gateway", env, file, overrides: { nats: "?" } }));
    expect(error.code).toBe("config_invalid");
    expect(error.message.split("\n")[0]).toBe("The configuration has 8 problems:");
    expect(error.problems.map(({ where, path }) => `${where} ${path}`)).toEqual([
      "carillon.yaml:2:5 apps[0].id",
      "carillon.yaml:2:5 apps[0].secrets",
      "carillon.yaml:4:15 apps[0].limits.messageBytes",
      "CARILLON_PORT gateway.port",
      "carillon.yaml:6:3 gateway.prot",
      "carillon.yaml:9:1 admin",
      "--nats nats.servers[0]",
      "carillon.yaml:8:3 log.level",
    ]);
  });

  it("says so when the whole is no map", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", "- just\n- a list\n");
    expect(await problemsOf(loadConfig({ role: "dev", env: {}, file }))).toEqual([
      "must be a map of sections, such as apps, gateway and nats",
    ]);
  });
});

describe("loadConfig › channels", () => {
  const channel = (rule: object) => load({ apps: [app], nats, channels: [rule] });

  it("has no rules by default, and none from a section without content", async () => {
    expect((await load({ apps: [app], nats })).channels).toEqual([]);
    expect((await load({ apps: [app], nats, channels: [] })).channels).toEqual([]);
    expect((await load({ apps: [app], nats, channels: null })).channels).toEqual([]);
  });

  it("reads a rule, its history in the units of the ports", async () => {
    const { channels } = await channel({ match: "orders-*", apps: ["1"], history: { messages: 5, maxAge: "1h" } });
    const history = { messages: 5, maxAgeMs: 3_600_000 };
    expect(channels).toEqual([{ match: "orders-*", apps: ["1"], history, isCache: false, presenceListUpTo: 1000 }]);
  });

  it("reads what makes a cache, and how many members are told one by one", async () => {
    const { channels } = await channel({ match: "*", cache: true, presence: { listUpTo: 7 } });
    expect(channels).toMatchObject([{ history: null, isCache: true, presenceListUpTo: 7 }]);
  });

  it("keeps nothing without history, and takes an empty one as its defaults", async () => {
    expect((await channel({ match: "*" })).channels).toMatchObject([{ match: "*", apps: [], history: null }]);
    expect((await channel({ match: "*", history: null })).channels[0]?.history).toBeNull();
    expect((await channel({ match: "*", history: {} })).channels[0]?.history).toEqual({
      messages: 100,
      maxAgeMs: 3_600_000,
    });
  });

  it.each([
    [{}, "channels[0].match: is required (or set CARILLON_CHANNEL_MATCH)"],
    [{ match: "a b" }, "channels[0].match: must be a channel name of 1 to 200 characters"],
    [{ match: "*", history: true }, "channels[0].history: must be a map of keys and values"],
    [{ match: "*", history: { messages: 0 } }, "channels[0].history.messages: must be a whole number from 1 to 1000"],
    [{ match: "*", history: { maxAge: "1w" } }, "channels[0].history.maxAge: must be a duration from 1 to"],
    [
      { match: "*", history: { mesages: 1 } },
      "channels[0].history.mesages: is not a known key. Did you mean messages?",
    ],
    [{ match: "*", apps: ["2"] }, "channels[0].apps[0]: is not the id of an app"],
    [{ matches: "*" }, "channels[0].matches: is not a known key. Did you mean match?"],
  ])("refuses %j", async (rule, problem) => {
    expect((await problemsOf(channel(rule))).join("\n")).toContain(problem);
  });

  it("refuses a list that is none", async () => {
    expect(await problemsOf(load({ apps: [app], nats, channels: { match: "*" } }))).toEqual([
      "channels: must be a list",
    ]);
  });

  it("warns of a rule that an earlier one leaves nothing to", async () => {
    const rules = [{ match: "a-*", apps: ["1"] }, { match: "a-*" }, { match: "a-b*" }, { match: "b-*" }];
    const { warnings } = await load({ apps: [{ ...app }], nats, channels: rules });
    expect(warnings.map(({ path }) => path)).toEqual(["channels[2]"]);
    expect(warnings[0]?.message).toContain("channels[1] stands before it");
  });

  it("takes one rule from variables, and the list from one", async () => {
    const one = { CARILLON_CHANNEL_MATCH: "news", CARILLON_CHANNEL_HISTORY_MESSAGES: "7" };
    expect((await load({ apps: [app], nats }, one)).channels).toMatchObject([
      { match: "news", apps: [], history: { messages: 7, maxAgeMs: 3_600_000 } },
    ]);
    const list = { CARILLON_CHANNELS: '[{"match":"x"},{"match":"y"}]' };
    const channels = [{ match: "news" }];
    expect((await load({ apps: [app], nats, channels }, list)).channels.map(({ match }) => match)).toEqual(["x", "y"]);
    expect(await problemsOf(load({ apps: [app], nats }, { ...list, CARILLON_CHANNEL_MATCH: "z" }))).toEqual([
      expect.stringContaining("which entry is meant can't be told"),
    ]);
  });
});
