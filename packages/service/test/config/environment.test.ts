import { listSettings, loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { problemsOf } from "./refusal.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

const oneApp = { CARILLON_APP_ID: "9", CARILLON_APP_KEY: "k", CARILLON_APP_SECRET: "a-secret-of-some-length" };
const load = (env: Record<string, string>, settings?: unknown) => loadConfig({ role: "dev", env, settings });

describe("environment › every setting", () => {
  it("has a twin of its own", () => {
    const names = listSettings().flatMap(({ environmentName, hasFileTwin }) =>
      hasFileTwin ? [environmentName, `${environmentName}_FILE`] : [environmentName],
    );
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^CARILLON_[A-Z_]+$/);
  });

  it.each(listSettings().filter(({ kind }) => kind === "whole number" || kind === "size" || kind === "duration"))(
    "is read: $environmentName",
    async ({ environmentName, name, path }) => {
      // The largest number that each setting allows would break relations, so a refused one shows that it was looked at.
      const env = { ...oneApp, CARILLON_CHANNEL_MATCH: "*", [environmentName]: "none" };
      expect(await problemsOf(load(env))).toEqual([
        expect.stringMatching(new RegExp(`^${environmentName} ${name.replace("[]", "\\[0\\]")}: must be`)),
      ]);
      expect(path.length).toBeGreaterThan(1);
    },
  );

  it("counts as absent when it is empty", async () => {
    expect((await load({ CARILLON_PORT: "", CARILLON_CONFIG: "", CARILLON_APPS: "" })).gateway.port).toBe(8080);
  });
});

describe("environment › apps", () => {
  it("makes one app", async () => {
    const env = {
      ...oneApp,
      CARILLON_APP_PUBLISH_SECRET: "publish-secret-of-some-length",
      CARILLON_APP_ALLOWED_ORIGINS: "https://a.test, https://*.b.test",
      CARILLON_APP_CLIENT_EVENTS_ENABLED: "true",
      CARILLON_APP_LIMITS_MESSAGE_BYTES: "20KiB",
    };
    const { apps, warnings } = await load(env);
    expect(warnings).toEqual([]);
    expect(apps).toHaveLength(1);
    expect(apps[0]).toMatchObject({
      id: "9",
      key: "k",
      secrets: ["a-secret-of-some-length"],
      publishSecret: "publish-secret-of-some-length",
      allowedOrigins: ["https://a.test", "https://*.b.test"],
      clientEvents: { enabled: true },
      limits: { messageBytes: 20_480 },
    });
  });

  it("takes a secret with commas whole", async () => {
    const { apps } = await load({ ...oneApp, CARILLON_APP_SECRET: "one,secret,with,commas" });
    expect(apps[0]?.secrets).toEqual(["one,secret,with,commas"]);
  });

  it("says which variables are missing", async () => {
    expect(await problemsOf(load({ CARILLON_APP_ID: "9" }))).toEqual([
      "apps[0].key: is required (or set CARILLON_APP_KEY)",
      "apps[0].secrets: is required (or set CARILLON_APP_SECRET)",
    ]);
  });

  it("refuses an empty secret", async () => {
    expect(await problemsOf(load({ ...oneApp, CARILLON_APP_SECRET: "" }))).toEqual([
      "CARILLON_APP_SECRET apps[0].secrets[0]: must not be empty",
    ]);
  });

  it("changes the only app of the file, and leaves what it doesn't name", async () => {
    const settings = { apps: [{ id: "file", key: "file", limits: { connections: 5 } }] };
    const { apps } = await load({ CARILLON_APP_SECRET: "a-secret-of-some-length" }, settings);
    expect(apps[0]).toMatchObject({ id: "file", limits: { connections: 5 }, secrets: ["a-secret-of-some-length"] });
    expect(settings.apps[0]).not.toHaveProperty("secrets");
  });

  it("can't tell which of several apps is meant", async () => {
    const each = { secrets: ["a-secret-of-some-length"] };
    const settings = {
      apps: [
        { id: "a", key: "a", ...each },
        { id: "b", key: "b", ...each },
      ],
    };
    expect(await problemsOf(load({ CARILLON_APP_KEY: "k" }, settings))).toEqual([
      expect.stringMatching(/^CARILLON_APP_KEY apps\[0\]\.key: which app is meant/),
    ]);
  });

  it("reads the whole list as JSON, in place of the file's", async () => {
    const CARILLON_APPS = JSON.stringify(
      ["x", "y"].map((id) => ({ id, key: id, secrets: [`a-long-secret-of-${id}`] })),
    );
    const { apps } = await load({ CARILLON_APPS }, { apps: [{ id: "file", key: "file", secrets: ["f"] }] });
    expect(apps.map(({ id }) => id)).toEqual(["x", "y"]);
  });

  it("names line and column within that list", async () => {
    const env = { CARILLON_APPS: '[{ "id": "x", "key": "x",\n "secret": "hidden-hidden-hidden" }]' };
    expect(await problemsOf(load(env))).toEqual([
      "CARILLON_APPS:1:2 apps[0].secrets: is required (or set CARILLON_APP_SECRET)",
      "CARILLON_APPS:2:2 apps[0].secret: is not a known key. Did you mean secrets?",
    ]);
    expect(await problemsOf(load({ CARILLON_APPS: "[{" }))).toEqual(
      Array(2).fill(expect.stringMatching(/^CARILLON_APPS:1:\d+: /)),
    );
  });
});

describe("environment › secrets in files", () => {
  it("reads the file that the _FILE twin names, without the line end", async () => {
    await using folder = await TemporaryFolder.create();
    const { CARILLON_APP_SECRET, ...rest } = oneApp;
    const path = await folder.write("secret", `${CARILLON_APP_SECRET}\n`);
    const config = await load({ ...rest, CARILLON_APP_SECRET_FILE: path });
    expect(config.apps[0]?.secrets).toEqual([CARILLON_APP_SECRET]);
    expect(config.files).toEqual([path]);
    const apps = await folder.write("apps.json", '[{ "id": "z", "key": "z", "secrets": "a-secret-of-some-length" }]');
    expect((await load({ CARILLON_APPS_FILE: apps })).apps[0]?.id).toBe("z");
  });

  it("says what is wrong with the file", async () => {
    const env = { ...oneApp, CARILLON_APP_PUBLISH_SECRET_FILE: "/nowhere/secret" };
    expect(await problemsOf(load(env))).toEqual([
      "CARILLON_APP_PUBLISH_SECRET_FILE: the file that this names can't be used: there is no such file",
    ]);
  });

  it("refuses the secret and its file at once", async () => {
    expect(await problemsOf(load({ ...oneApp, CARILLON_APP_SECRET_FILE: "/nowhere" }))).toEqual([
      "CARILLON_APP_SECRET_FILE: CARILLON_APP_SECRET sets the same: remove one of the two",
      expect.stringContaining("apps[0].secrets: is required"),
    ]);
  });
});

describe("environment › variables of others", () => {
  it("warns about misspelt ones", async () => {
    const { warnings } = await load({ CARILLON_LOGLEVEL: "debug", OTHER_LOG_LEVEL: "debug" });
    expect(warnings).toEqual([
      {
        path: "",
        where: "CARILLON_LOGLEVEL",
        message: "ignored: Carillon knows no such variable. Did you mean CARILLON_LOG_LEVEL?",
      },
    ]);
  });

  it("doesn't take what Kubernetes sets for a Service named carillon for a port", async () => {
    const { gateway, warnings } = await load({
      CARILLON_PORT: "tcp://10.96.0.7:80",
      CARILLON_SERVICE_HOST: "10.96.0.7",
      CARILLON_SERVICE_PORT: "80",
      CARILLON_SERVICE_PORT_HTTP: "80",
      CARILLON_PORT_80_TCP: "tcp://10.96.0.7:80",
      CARILLON_PORT_80_TCP_ADDR: "10.96.0.7",
      CARILLON_NATS_PORT: "tcp://10.96.0.8:4222",
      CARILLON_NATS_PORT_4222_TCP_PROTO: "tcp",
    });
    expect(gateway.port).toBe(8080);
    expect(warnings.map(({ where }) => where)).toEqual(["CARILLON_PORT"]);
  });

  it("doesn't complain about those that the file refers to", async () => {
    await using folder = await TemporaryFolder.create();
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference, as it stands in a file
    const file = await folder.write("c.yaml", "admin: { port: '${CARILLON_MY_PORT}' }");
    const config = await loadConfig({ role: "dev", env: { CARILLON_MY_PORT: "5" }, file });
    expect([config.admin.port, config.warnings]).toEqual([5, []]);
  });
});
