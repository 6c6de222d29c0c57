// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references in configuration files are what is tested
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { problemsOf, refusalOf } from "./refusal.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/** Loads `text` as the file of a dev process. */
async function loadText(text: string, env: Record<string, string> = {}) {
  await using folder = await TemporaryFolder.create();
  return await loadConfig({ role: "dev", env, file: await folder.write("c.yaml", text) });
}

describe("configuration file › forms", () => {
  it("is YAML or JSON by its content, also JSON with tabs", async () => {
    const json = '{\n\t"gateway": {\n\t\t"port": 1234\n\t}\n}\n';
    expect((await loadText(json)).gateway.port).toBe(1234);
    expect((await loadText("gateway:\n  port: 1234\n")).gateway.port).toBe(1234);
    expect((await loadText("\uFEFFgateway: { port: 1234 }")).gateway.port).toBe(1234);
  });

  it("knows anchors and merges", async () => {
    const text = [
      "apps:",
      "  - &base { id: a, key: a, secrets: [a-long-enough-secret], limits: &limits { connections: 7 } }",
      "  - { <<: *base, id: b, key: b, limits: *limits }",
    ].join("\n");
    const { apps } = await loadText(text);
    expect(apps.map(({ id, secrets, limits }) => [id, secrets[0], limits.connections])).toEqual([
      ["a", "a-long-enough-secret", 7],
      ["b", "a-long-enough-secret", 7],
    ]);
  });

  it("is all defaults when it has only comments", async () => {
    expect((await loadText("# nothing yet\n")).gateway.port).toBe(8080);
  });
});

describe("configuration file › bad syntax", () => {
  it.each([
    ["", "c.yaml: the file is empty"],
    [" \n\t\n", "c.yaml: the file is empty"],
    ["gateway: { port: 1", "c.yaml:1:19: the indentation does not fit the lines above, or a bracket is not closed"],
    ["gateway:\n\tport: 1", "tabs can't indent in YAML: use blanks"],
    ["log: {}\nlog: {}", "c.yaml:2:1: this key stands here a second time"],
    ["a: 1\n---\nb: 2", "c.yaml:2:1: there is a second document (---) here; only one is read"],
    ["key:value\nlog: {}", "is the blank behind the colon missing?"],
    ["log: *nothing", "there is no anchor (&name) above for this alias (*name)"],
    ["log: !secret x", "tags (!name) are not supported"],
    ["apps: &a [*a, *a]", "c.yaml:1:11 apps[0]: must be a map of keys and values"],
    ["log: { <<: 5 }", "its aliases (*name) or merges (<<) can't be unfolded"],
  ])("refuses %j", async (text, problem) => {
    const error = await refusalOf(loadText(text));
    expect(error.code).toMatch(/^config_(syntax|invalid)$/);
    expect(error.message).toContain(problem);
  });

  it("refuses nesting without end", async () => {
    for (const text of [
      "[".repeat(50_000),
      Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
    ]) {
      expect((await refusalOf(loadText(text))).message).toContain("nested too deeply");
    }
  });

  it("refuses aliases that unfold without end", async () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let depth = 1; depth < 10; depth++) {
      lines.push(`a${depth}: &a${depth} [${Array.from({ length: 10 }, () => `*a${depth - 1}`).join(", ")}]`);
    }
    expect((await refusalOf(loadText(lines.join("\n")))).code).toBe("config_syntax");
  });
});

describe("configuration file › unreadable", () => {
  it("is refused, not passed over", async () => {
    await using folder = await TemporaryFolder.create();
    const missing = join(folder.path, "missing.yaml");
    const error = await refusalOf(loadConfig({ role: "dev", env: { CARILLON_CONFIG: missing } }));
    expect(error.code).toBe("config_unreadable");
    expect(error.message).toContain(`${missing}: the configuration file can't be used: there is no such file`);
  });

  it("names a folder, and text that is not UTF-8, as what they are", async () => {
    await using folder = await TemporaryFolder.create();
    const inner = join(folder.path, "folder");
    await mkdir(inner);
    expect(await problemsOf(loadConfig({ role: "dev", env: {}, file: inner }))).toEqual([
      expect.stringContaining("it is not a regular file"),
    ]);

    const binary = join(folder.path, "binary.yaml");
    await writeFile(binary, Buffer.from([0x6c, 0x6f, 0x67, 0x3a, 0xff]));
    expect(await problemsOf(loadConfig({ role: "dev", env: {}, file: binary }))).toEqual([
      expect.stringContaining("its text is not valid UTF-8"),
    ]);
  });
});

describe("configuration file › references", () => {
  it("puts in variables, defaults and the content of files", async () => {
    await using folder = await TemporaryFolder.create();
    await folder.write("secret.txt", "from-a-file-with-a-line-end\n");
    const file = await folder.write(
      "c.yaml",
      [
        "apps:",
        "  - id: ${ID}",
        "    key: app-${ID}-${STAGE:-dev}",
        "    secrets: ['${file:secret.txt}', 'literal-$${ID}-literal']",
        "gateway: { port: '${PORT}' }   # ${THIS_IS_A_COMMENT}",
      ].join("\n"),
    );
    const config = await loadConfig({ role: "dev", env: { ID: "7", PORT: "1234", STAGE: "" }, file });
    expect(config.apps[0]).toMatchObject({
      id: "7",
      key: "app-7-dev",
      secrets: ["from-a-file-with-a-line-end", "literal-${ID}-literal"],
    });
    expect(config.gateway.port).toBe(1234);
    expect(config.files).toEqual([file, join(folder.path, "secret.txt")]);
  });

  it("can't be used to change the structure", async () => {
    const text = "apps: [{ id: a, key: a, secrets: ['${SECRET}'] }]";
    const { apps } = await loadText(text, { SECRET: "x'], enabled: false, #-------" });
    expect(apps[0]).toMatchObject({ secrets: ["x'], enabled: false, #-------"], enabled: true });
  });

  it("names every one that can't be resolved, once, beside all other problems", async () => {
    const text = [
      "apps:",
      "  - { id: a, key: '${NOT_SET}', secrets: ['${file:/nowhere/secret}', '${not a name}'] }",
      "gateway: { port: '${NOT_SET_EITHER}', lingerSeconds: -1 }",
    ].join("\n");
    expect(await problemsOf(loadText(text))).toEqual([
      "c.yaml:2:19: the environment variable NOT_SET is not set",
      "c.yaml:2:43: the file that this names can't be used: there is no such file",
      expect.stringContaining("c.yaml:2:70: ${ begins a reference"),
      "c.yaml:3:18: the environment variable NOT_SET_EITHER is not set",
      expect.stringContaining("c.yaml:3:39 gateway.lingerSeconds: must be a duration"),
    ]);
  });

  it("doesn't read what is no regular file", async () => {
    expect(await problemsOf(loadText("log: { level: '${file:/dev/zero}' }"))).toEqual([
      "c.yaml:1:15: the file that this names can't be used: it is not a regular file",
    ]);
  });
});
