import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CONFIG_ERROR_CODES, CONFIG_ROLES, type ConfigRole, listSettings, loadConfig } from "@carillon/service";
import { describe, expect, it } from "vitest";
import { TemporaryFolder } from "./temporary-folder.ts";

const text = await readFile(new URL("../../../../docs/configuration.md", import.meta.url), "utf8");

const rows = text
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim()));

/** Rows about settings; the tables of variables and errors have two columns. */
const documented = rows
  .filter((cells) => cells.length === 5)
  .map(([name, defaultText, bounds, environment]) => ({ name, defaultText, bounds, environment }));

describe("docs/configuration.md", () => {
  it("lists every setting with its default, bounds and variable, and no other", () => {
    const known = listSettings().map(({ name, defaultText, bounds, environmentName, hasFileTwin }) => ({
      name: `\`${name}\``,
      defaultText: ["none", "required"].includes(defaultText) ? defaultText : `\`${defaultText}\``,
      bounds,
      environment: `\`${environmentName}\`${hasFileTwin ? " (`_FILE`)" : ""}`,
    }));
    expect(documented).toEqual(known);
  });

  it("lists every error code, and no other", () => {
    const codes = rows.filter((cells) => cells.length === 2).map(([code = ""]) => code.replaceAll("`", ""));
    expect(codes.filter((code) => code.startsWith("config_"))).toEqual([...CONFIG_ERROR_CODES]);
  });

  it("has an example of rules for channels that works as it stands", async () => {
    await using folder = await TemporaryFolder.create();
    const [, example = ""] = /```yaml\n(channels:[\s\S]*?)```/.exec(text) ?? [];
    const { channels, warnings } = await loadConfig({
      role: "dev",
      env: {},
      file: await folder.write("c.yaml", example),
    });
    expect(warnings).toEqual([]);
    expect(channels.map(({ history }) => history)).toEqual([null, { messages: 100, maxAgeMs: 3_600_000 }]);
  });

  it("has an example for each process, and each works as it stands", async () => {
    await using folder = await TemporaryFolder.create();
    await mkdir(join(folder.path, "secrets"));
    await folder.write("secrets/nats-password", "a-password-of-some-length\n");
    const env = { APP_SECRET: "a-secret-of-some-length", PUBLISH_SECRET: "another-secret-of-some-length" };
    const examples = [...text.matchAll(/```yaml\n(# carillon (\w+) .*\n[\s\S]*?)```/g)];
    expect(examples.map(([, , role]) => role).sort()).toEqual([...CONFIG_ROLES].sort());
    for (const [, example = "", role] of examples) {
      const file = await folder.write("example.yaml", example);
      const config = await loadConfig({ role: role as ConfigRole, env, file });
      expect(config.apps[0]?.id).toBe("1001");
      expect(config.warnings).toEqual([]);
    }
  });
});
