import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Config,
  ConfigError,
  ConfiguredApps,
  changesThatNeedRestart,
  loadConfig,
  watchConfig,
} from "@carillon/service";
import { describe, expect, it, vi } from "vitest";
import { TemporaryFolder } from "./temporary-folder.ts";

const oneApp = (secret: string) => `apps: [{ id: a, key: a, secrets: [${secret}] }]\n`;
const secretOf = (config: Config | undefined) => config?.apps[0]?.secrets[0];

/** A watch on `file`, with all that it told, in order. */
async function startWatch(file: string, env: Record<string, string> = {}) {
  const load = () => loadConfig({ role: "dev", env, file });
  const initial = await load();
  const changes: Config[] = [];
  const errors: unknown[] = [];
  const watch = watchConfig({
    initial,
    load,
    onChange: (config) => changes.push(config),
    onError: (error) => errors.push(error),
    debounceMs: 5,
  });
  // Behind this the first look of the watch is over, so that only events can make it look again.
  await watch.reload();
  changes.length = 0;
  return {
    initial,
    changes,
    errors,
    reload: () => watch.reload(),
    close: () => watch.close(),
    [Symbol.dispose]: () => watch.close(),
  };
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

describe("watchConfig", () => {
  it("tells a change of the file", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    await folder.write("c.yaml", oneApp("second"));
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("second"));
    expect(watch.errors).toEqual([]);
  });

  it("sees a file that was written over in place", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    await writeFile(file, oneApp("second"));
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("second"));
    // Nobody was given the dev app while the file was empty for a moment.
    expect(watch.changes.map(secretOf)).toEqual(["second"]);
  });

  it("sees a file that an editor put in the place of the old one", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    for (const secret of ["second", "third"]) {
      await rename(await folder.write("c.yaml~", oneApp(secret)), file);
      await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe(secret));
    }
  });

  it("sees Kubernetes swap a ConfigMap, again and again", async () => {
    await using folder = await TemporaryFolder.create();
    const publish = async (version: string) => {
      await mkdir(join(folder.path, version));
      await writeFile(join(folder.path, version, "c.yaml"), oneApp(version));
      await symlink(version, join(folder.path, "..data_tmp"));
      await rename(join(folder.path, "..data_tmp"), join(folder.path, "..data"));
    };
    await publish("..v1");
    const file = join(folder.path, "c.yaml");
    await symlink("..data/c.yaml", file);
    using watch = await startWatch(file);
    expect(secretOf(watch.initial)).toBe("..v1");
    for (const [version, old] of [
      ["..v2", "..v1"],
      ["..v3", "..v2"],
      ["..v4", "..v3"],
    ] as const) {
      await publish(version);
      await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe(version));
      await rm(join(folder.path, old), { recursive: true });
    }
    expect(watch.errors).toEqual([]);
  });

  it("sees a change of a file that the configuration refers to, in another folder", async () => {
    await using folder = await TemporaryFolder.create();
    await using secrets = await TemporaryFolder.create();
    const secret = await secrets.write("secret", "first");
    const file = await folder.write("c.yaml", oneApp(`"\${file:${secret}}"`));
    using watch = await startWatch(file);
    await secrets.write("secret", "second");
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("second"));
    // The new configuration refers to another file, which is watched from now on.
    const other = await folder.write("other", "third");
    await folder.write("c.yaml", oneApp(`"\${file:${other}}"`));
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("third"));
    await folder.write("other", "fourth");
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("fourth"));
  });

  it("takes over what it had refused for want of a file, once that is there", async () => {
    await using folder = await TemporaryFolder.create();
    await using secrets = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    for (const [missing, secret] of [
      [secrets, "second"],
      [folder, "third"],
    ] as const) {
      const errorsBefore = watch.errors.length;
      await folder.write("c.yaml", oneApp(`"\${file:${join(missing.path, secret)}}"`));
      await eventually(() => expect(watch.errors).toHaveLength(errorsBefore + 1));
      await missing.write(secret, secret);
      await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe(secret));
      expect(watch.errors).toHaveLength(errorsBefore + 1);
    }
  });

  it("sees a change of the file that a symbolic link leads to, in another folder", async () => {
    await using folder = await TemporaryFolder.create();
    await using elsewhere = await TemporaryFolder.create();
    const file = join(folder.path, "c.yaml");
    await symlink(await elsewhere.write("real.yaml", oneApp("first")), file);
    using watch = await startWatch(file);
    await elsewhere.write("real.yaml", oneApp("second"));
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("second"));
  });

  it("misses no change of a file that it was not watching yet while it was read", async () => {
    await using folder = await TemporaryFolder.create();
    await using secrets = await TemporaryFolder.create();
    const secret = await secrets.write("secret", "second");
    const file = await folder.write("c.yaml", oneApp("first"));
    const changes: Config[] = [];
    const read = () => loadConfig({ role: "dev", env: {}, file });
    const load = async () => {
      const config = await read();
      if (secretOf(config) === "second") await secrets.write("secret", "third");
      return config;
    };
    const onChange = (config: Config) => changes.push(config);
    const watch = watchConfig({ initial: await read(), load, onChange, onError: () => changes.pop(), debounceMs: 5 });
    await watch.reload();
    await folder.write("c.yaml", oneApp(`"\${file:${secret}}"`));
    await eventually(() => expect(changes.map(secretOf)).toEqual(["first", "second", "third"]));
    watch.close();
  });

  it("reports a bad file, keeps the old settings, and takes the next good one", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    const apps = new ConfiguredApps({ settings: watch.initial.apps });
    const held = apps.first;
    await folder.write("c.yaml", "apps: [{ id: a");
    await eventually(() => expect(watch.errors.at(-1)).toBeInstanceOf(ConfigError));
    expect(watch.changes).toEqual([]);
    await rm(file);
    await eventually(() => expect(watch.errors.at(-1)).toMatchObject({ code: "config_unreadable" }));
    await folder.write("c.yaml", oneApp("second"));
    await eventually(() => expect(secretOf(watch.changes.at(-1))).toBe("second"));
    apps.reload(watch.changes.at(-1)?.apps ?? []);
    expect(apps.first).toBe(held);
    expect(held.settings.secrets).toEqual(["second"]);
  });

  it("finds what changed between the first load and its own start", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    const load = () => loadConfig({ role: "dev", env: {}, file });
    const initial = await load();
    await folder.write("c.yaml", oneApp("second"));
    const changes: Config[] = [];
    const watch = watchConfig({
      initial,
      load,
      onChange: (config) => changes.push(config),
      onError: () => changes.pop(),
    });
    await eventually(() => expect(secretOf(changes[0])).toBe("second"));
    watch.close();
  });

  it("reads at once when asked, and tells also when nothing changed", async () => {
    await using folder = await TemporaryFolder.create();
    using watch = await startWatch(await folder.write("c.yaml", oneApp("first")));
    await Promise.all([watch.reload(), watch.reload(), watch.reload()]);
    expect(watch.changes.length).toBeGreaterThan(0);
    expect(watch.changes.length).toBeLessThan(3);
    expect(watch.changes[0]).toEqual(watch.initial);
  });

  it("tells nothing about other files in the folder", async () => {
    await using folder = await TemporaryFolder.create();
    const file = await folder.write("c.yaml", oneApp("first"));
    using watch = await startWatch(file);
    for (let index = 0; index < 20; index++) await folder.write(`other-${index}`, "text");
    await folder.write("c.yaml", oneApp("second"));
    await eventually(() => expect(watch.changes).toHaveLength(1));
    expect(watch.errors).toEqual([]);
  });

  it("is silent once it is closed", async () => {
    await using folder = await TemporaryFolder.create();
    using watch = await startWatch(await folder.write("c.yaml", oneApp("first")));
    const reloading = watch.reload();
    watch.close();
    watch.close();
    await reloading;
    await watch.reload();
    expect([watch.changes, watch.errors]).toEqual([[], []]);
  });
});

describe("changesThatNeedRestart", () => {
  it("names what a running process can't take over", async () => {
    const load = (settings: object) => loadConfig({ role: "dev", env: {}, settings });
    const app = { id: "a", key: "a", secrets: ["s"] };
    const before = await load({ apps: [app] });
    expect(changesThatNeedRestart(before, await load({ apps: [{ ...app, enabled: false }] }))).toEqual([]);
    const channels = [{ match: "*", history: {} }];
    expect(changesThatNeedRestart(before, await load({ apps: [app], channels }))).toEqual([]);
    const after = await load({
      apps: [app],
      gateway: { port: 1, drain: { spreadSeconds: 9 } },
      nats: { servers: ["a:1"] },
    });
    expect(changesThatNeedRestart(before, after)).toEqual([
      "gateway.port",
      "gateway.drain.spreadSeconds",
      "nats.servers",
    ]);
  });
});
