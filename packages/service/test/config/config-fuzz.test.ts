import { ConfigError, listSettings, loadConfig } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { TemporaryFolder } from "./temporary-folder.ts";

/** Loads, and gives the text of the ConfigError, or "" when all was fine. Any other outcome fails the test. */
async function messageOf(load: Promise<unknown>): Promise<string> {
  try {
    await load;
    return "";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    return `${error.message}${JSON.stringify(error.problems)}${error.stack}${JSON.stringify(error.cause)}`;
  }
}

/** Every key that stands anywhere in the schema, so that random trees get deep into it. */
const knownKey = fc.constantFrom(
  ...new Set(listSettings().flatMap(({ path }) => path.filter((part) => typeof part === "string"))),
);

/** A text that contains the marker, in all the surroundings that messages might treat specially. */
const MARKER = "hunter2";
const markedText = fc
  .tuple(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }))
  .map(([before, after]) => `${before}${MARKER}${after}`);
const markedReference = fc.constantFrom(
  `nats://u:${MARKER}@h:1`,
  `\${${"file:/x/"}y}${MARKER}`,
  `${MARKER}\${`,
  MARKER,
);

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.oneof(markedText, markedReference, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(fc.oneof({ weight: 9, arbitrary: knownKey }, fc.string({ maxLength: 6 })), tie("tree"), {
      maxKeys: 6,
    }),
  ),
}));

const config = fc.record(
  {
    apps: fc.array(fc.dictionary(knownKey, tree, { maxKeys: 8 }), { maxLength: 3 }),
    gateway: tree,
    publisher: tree,
    channels: fc.array(fc.dictionary(knownKey, tree, { maxKeys: 4 }), { maxLength: 3 }),
    nats: fc.dictionary(knownKey, tree, { maxKeys: 6 }),
    log: tree,
  },
  { requiredKeys: [] },
);

const role = fc.constantFrom("dev", "gateway", "publisher");

describe("loadConfig › any input", () => {
  it("ends in a configuration or a ConfigError, whatever the file contains", async () => {
    await using folder = await TemporaryFolder.create();
    const piece = fc.oneof(
      fc.string({ unit: "binary", maxLength: 40 }),
      fc.constantFrom(
        "\n",
        "\n  ",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<",
        "---\n",
        "apps",
        "gateway",
        "? ",
        "!t ",
        "|\n",
        ">\n",
        '"',
        "'",
        "${",
        "\t",
        "%YAML 1.1\n",
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), role, async (pieces, role) => {
        await messageOf(loadConfig({ role, env: {}, file: await folder.write("fuzz.yaml", pieces.join("")) }));
      }),
      { numRuns: 200 },
    );
  });

  it("never repeats a value in what it says, in YAML and in JSON", async () => {
    await using folder = await TemporaryFolder.create();
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(config, role, fc.boolean(), async (settings, role, isJson) => {
        const file = await folder.write("fuzz.yaml", isJson ? JSON.stringify(settings) : stringify(settings));
        const message = await messageOf(loadConfig({ role, env: {}, file }));
        if (message !== "") refused++;
        expect(message).not.toContain(MARKER);
      }),
      { numRuns: 200 },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it("never repeats a value of the environment or of a flag", async () => {
    const variable = fc.constantFrom(
      ...listSettings().map(({ environmentName }) => environmentName),
      "CARILLON_APPS",
      "CARILLON_CHANNELS",
      "CARILLON_PORT",
      "CARILLON_NATS",
      "CARILLON_UNKNOWN",
    );
    const env = fc.dictionary(variable, fc.oneof(markedText, markedReference), { maxKeys: 8 });
    await fc.assert(
      fc.asyncProperty(env, role, markedText, async (env, role, flag) => {
        const overrides = { host: flag, nats: flag, logFormat: flag };
        expect(await messageOf(loadConfig({ role, env, overrides }))).not.toContain(MARKER);
        const warnings = await loadConfig({ role: "dev", env: { CARILLON_UNKNOWN: flag } });
        expect(JSON.stringify(warnings.warnings)).not.toContain(MARKER);
      }),
      { numRuns: 300 },
    );
  });

  it("accepts again what it gave out", async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
    const secret = fc.stringMatching(/^[!-~]{1,60}$/);
    const app = fc.record({
      id: name,
      key: name,
      secrets: fc.uniqueArray(secret, { minLength: 1, maxLength: 3 }),
      enabled: fc.boolean(),
      limits: fc.record({ messageBytes: fc.integer({ min: 0, max: 60_000 }), connections: fc.nat(1_000_000) }),
    });
    const apps = fc.uniqueArray(app, {
      minLength: 1,
      maxLength: 4,
      comparator: (left, right) => left.id === right.id || left.key === right.key,
    });
    await fc.assert(
      fc.asyncProperty(apps, async (apps) => {
        const first = await loadConfig({ role: "dev", env: {}, settings: { apps } });
        expect(first.apps).toMatchObject(apps);
        const { gateway, publisher, admin, nats, log } = first;
        const again = await loadConfig({
          role: "dev",
          env: {},
          settings: { apps, gateway, publisher, admin, nats, log },
        });
        expect(again).toEqual(first);
      }),
      { numRuns: 100 },
    );
  });
});
