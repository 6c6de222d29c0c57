import type { AppSettings } from "@carillon/core";
import { ConfiguredApps, DEV_APP } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const settingsOf = (id: string, changes: Partial<AppSettings> = {}): AppSettings => ({
  ...DEV_APP,
  id,
  key: `key-${id}`,
  publishSecret: `publish-${id}`,
  ...changes,
});

describe("ConfiguredApps", () => {
  it("finds apps by key, id and publish secret, and the first one", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a"), settingsOf("b", { publishSecret: null })] });
    expect(apps.first.id).toBe("a");
    expect(apps.byKey("key-b")?.id).toBe("b");
    expect(apps.byId("b")).toBe(apps.byKey("key-b"));
    expect(apps.byPublishSecret("publish-a")).toBe(apps.first);
    for (const miss of ["", "key-c", "a ", "A", "__proto__", "constructor"]) {
      expect([apps.byKey(miss), apps.byId(miss), apps.byPublishSecret(miss)]).toEqual([null, null, null]);
    }
  });

  it("finds nobody by a publish secret that is nearly right, or absurdly long", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a"), settingsOf("b")] });
    fc.assert(
      fc.property(fc.string(), fc.nat(8), (text, cut) => {
        expect(apps.byPublishSecret(`publish-a${text}`)?.id).toBe(text === "" ? "a" : undefined);
        expect(apps.byPublishSecret("publish-a".slice(0, cut))).toBeNull();
      }),
    );
    expect(apps.byPublishSecret("x".repeat(10_000_000))).toBeNull();
  });

  it("keeps the App object of an id over a reload, also when its key changes", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a"), settingsOf("b")] });
    const [a, b] = [apps.byId("a"), apps.byId("b")];
    // What was shown and was right is remembered, but not over a reload.
    expect(apps.byPublishSecret("publish-b")).toBe(b);
    expect(apps.byPublishSecret("publish-b")).toBe(b);
    apps.reload([settingsOf("b", { key: "new", publishSecret: "rotated" }), settingsOf("a", { enabled: false })]);
    expect(apps.byId("a")).toBe(a);
    expect(apps.byKey("new")).toBe(b);
    expect(apps.byPublishSecret("rotated")).toBe(b);
    expect(apps.first).toBe(b);
    expect(a?.settings.enabled).toBe(false);
    expect([apps.byKey("key-b"), apps.byPublishSecret("publish-b")]).toEqual([null, null]);
  });

  it("can swap two apps' keys and secrets in one reload", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a"), settingsOf("b")] });
    expect([apps.byPublishSecret("publish-a")?.id, apps.byPublishSecret("publish-b")?.id]).toEqual(["a", "b"]);
    apps.reload([
      settingsOf("a", { key: "key-b", publishSecret: "publish-b" }),
      settingsOf("b", { key: "key-a", publishSecret: "publish-a" }),
    ]);
    expect([apps.byKey("key-b")?.id, apps.byKey("key-a")?.id]).toEqual(["a", "b"]);
    expect([apps.byPublishSecret("publish-b")?.id, apps.byPublishSecret("publish-a")?.id]).toEqual(["a", "b"]);
  });

  it("disables a removed app for whoever still holds it", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a"), settingsOf("b")] });
    const removed = apps.byId("b");
    apps.reload([settingsOf("a")]);
    expect(apps.byId("b")).toBeNull();
    expect(apps.byKey("key-b")).toBeNull();
    expect(apps.byPublishSecret("publish-b")).toBeNull();
    expect(removed?.settings.enabled).toBe(false);
  });

  it("tells its listeners about changes, and about nothing else", () => {
    const settings = [settingsOf("a"), settingsOf("b")];
    const apps = new ConfiguredApps({ settings });
    const calls: string[] = [];
    const listener = () => calls.push(apps.byId("a")?.settings.key ?? "gone");
    const stop = apps.onChange(listener);
    const stopSecond = apps.onChange(listener);
    apps.reload(structuredClone(settings));
    expect(calls).toEqual([]);
    apps.reload([settingsOf("a", { key: "changed" }), settingsOf("b")]);
    expect(calls).toEqual(["changed", "changed"]);
    stop();
    stop();
    apps.reload([settingsOf("b"), settingsOf("a", { key: "changed" })]);
    apps.reload([settingsOf("b")]);
    apps.reload([settingsOf("b"), settingsOf("a")]);
    expect(calls.slice(2)).toEqual(["changed", "gone", "key-a"]);
    stopSecond();
    apps.reload([settingsOf("z")]);
    expect(calls).toHaveLength(5);
  });

  it("refuses to be without any app, and then keeps what it had", () => {
    const apps = new ConfiguredApps({ settings: [settingsOf("a")] });
    expect(() => apps.reload([])).toThrow(RangeError);
    expect(apps.byId("a")?.settings.enabled).toBe(true);
    expect(() => new ConfiguredApps({ settings: [] })).toThrow(RangeError);
  });
});
