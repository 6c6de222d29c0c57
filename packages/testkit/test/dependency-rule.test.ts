import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const packagesFolder = fileURLToPath(new URL("../../", import.meta.url));

/** Which of our packages each package may stand on. Arrows only point down. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  core: ["protocol"],
  nats: ["core", "protocol"],
  service: ["core", "protocol"],
  gateway: ["core", "protocol", "service"],
  publisher: ["core", "protocol", "service"],
  "pusher-recovery": [],
  webhooks: ["core", "protocol", "service"],
  carillon: ["core", "gateway", "nats", "protocol", "publisher", "service", "webhooks"],
  client: ["protocol"],
  react: ["client"],
  server: ["protocol"],
  testkit: ["carillon", "core", "gateway", "nats", "protocol", "publisher", "service", "webhooks"],
};

/** Imports everything, and nothing imports it. */
const ON_TOP = "e2e";

/** Modules that only one place may import. */
const ONLY_IN: Readonly<Record<string, RegExp>> = {
  "uWebSockets.js": /^service\/src\/http\/uws\.ts$/,
  nats: /^nats\/(src|test)\//,
};

const packages = readdirSync(packagesFolder).filter((name) => existsSync(`${packagesFolder}${name}/package.json`));

/** What tests may use besides: the testkit, and a whole Carillon, for packages that talk to one over the network. */
const FOR_TESTS: readonly string[] = ["@carillon/testkit", "carillon"];

/** Names of our packages that `package.json` of a package lists, without the scope, those that are for its tests left out. */
function declaredBy(name: string): string[] {
  const manifest: unknown = JSON.parse(readFileSync(`${packagesFolder}${name}/package.json`, "utf8"));
  const listed = (list: string) => Object.keys((manifest as Record<string, object | undefined>)[list] ?? {});
  const all = ["dependencies", "peerDependencies", "optionalDependencies"].flatMap(listed);
  const forDevelopment = listed("devDependencies").filter((each) => !FOR_TESTS.includes(each));
  return [...all, ...forDevelopment].flatMap((each) => ourName(each) ?? []);
}

/** `core` of `@carillon/core` and `@carillon/core/x`; null for what is not ours. */
function ourName(specifier: string): string | null {
  if (specifier === "carillon" || specifier.startsWith("carillon/")) return "carillon";
  return /^@carillon\/([a-z0-9-]+)/.exec(specifier)?.[1] ?? null;
}

interface Import {
  /** Relative to `packages/`. */
  readonly file: string;
  readonly specifier: string;
}

/** Every import of a module by the code of a package below one of `folders`, tests included where asked for. */
function importsOf(name: string, folders: readonly string[]): Import[] {
  const files = folders.flatMap((folder) => {
    const path = `${packagesFolder}${name}/${folder}`;
    if (!existsSync(path)) return [];
    const entries = readdirSync(path, { recursive: true, encoding: "utf8" });
    return entries.filter((entry) => /\.(ts|tsx|mjs|js)$/.test(entry)).map((entry) => `${name}/${folder}/${entry}`);
  });
  return files.flatMap((file) => {
    const text = readFileSync(packagesFolder + file, "utf8");
    // `from "x"`, `import "x"`, `import("x")`, `require("x")`, at the begin of a statement or within one.
    const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(["'])([^"'\n]+)\1/g);
    return [...found].map((match) => ({ file, specifier: match[2] ?? "" }));
  });
}

describe("dependency rule", () => {
  it("every package is in the table, or on top of it", () => {
    expect(packages.length).toBeGreaterThan(5);
    expect(packages.filter((name) => name !== ON_TOP && MAY_IMPORT[name] === undefined)).toEqual([]);
  });

  it("arrows only point down: the table itself has no cycle", () => {
    const reaches = (from: string, seen: readonly string[] = []): string[] =>
      (MAY_IMPORT[from] ?? []).flatMap((to) => (seen.includes(to) ? [to] : [to, ...reaches(to, [...seen, to])]));
    for (const name of Object.keys(MAY_IMPORT))
      expect([name, reaches(name)]).not.toEqual([name, expect.arrayContaining([name])]);
  });

  it.each(packages.filter((name) => name !== ON_TOP))(
    "%s › declares no package of ours that it may not import",
    (name) => {
      expect(declaredBy(name).filter((other) => !MAY_IMPORT[name]?.includes(other))).toEqual([]);
    },
  );

  it.each(packages)("%s › imports of ours only what it declares", (name) => {
    const declared = declaredBy(name);
    const undeclared = importsOf(name, ["src", "bin"]).filter(({ specifier }) => {
      const other = ourName(specifier);
      return other !== null && other !== name && !declared.includes(other);
    });
    expect(undeclared).toEqual([]);
  });

  it.each(packages)("%s › leaves uWebSockets.js and NATS to the packages that wrap them", (name) => {
    const strays = importsOf(name, ["src", "test", "bin"]).filter(({ file, specifier }) => {
      const allowed = ONLY_IN[specifier.startsWith("nats/") ? "nats" : specifier];
      return allowed !== undefined && !allowed.test(file);
    });
    expect(strays).toEqual([]);
  });

  it("uWebSockets.js and NATS are found where they are allowed, so the search does find imports", () => {
    const all = packages.flatMap((name) => importsOf(name, ["src"]));
    for (const module of Object.keys(ONLY_IN)) expect(all.map(({ specifier }) => specifier)).toContain(module);
  });
});
