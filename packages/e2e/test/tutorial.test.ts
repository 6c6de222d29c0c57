import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ROOT } from "./support/run.ts";

const EXAMPLE = join(ROOT, "examples/nextjs");

/** What a reader makes by commands, or needs for a repository alone. */
const NOT_TYPED = [".gitignore", "README.md", "package.json"];
/** What Next.js and npm leave in the folder when somebody tries the example in place. */
const MADE = /^(\.next|node_modules)\/|^(next-env\.d\.ts|package-lock\.json|\.env\.local)$/;

const tutorial = await readFile(join(ROOT, "docs/tutorial.md"), "utf8");

test("the tutorial has every file of the example, as it is", async () => {
  const blocks = [...tutorial.matchAll(/^\*\*`(\S+)`\*\*\n\n```\w+\n([\s\S]*?)^```$/gm)];
  for (const [, path, code] of blocks) {
    expect({ path, code }).toEqual({ path, code: await readFile(join(EXAMPLE, String(path)), "utf8") });
  }
  const entries = await readdir(EXAMPLE, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(EXAMPLE.length + 1))
    .filter((path) => !MADE.test(path) && !NOT_TYPED.includes(path));
  expect(blocks.map(([, path]) => path).sort()).toEqual(files.sort());
});

test("its commands make a package like the example's, and install what that depends on", async () => {
  const manifest = JSON.parse(await readFile(join(EXAMPLE, "package.json"), "utf8")) as Record<string, object>;
  expect(tutorial).toContain(`\nnpm init -y && npm pkg set type=${manifest["type"]}\n`);
  const installed = [...tutorial.matchAll(/^npm install (.*)$/gm)].map(([, names]) =>
    String(names)
      .split(" ")
      .filter((name) => name !== "--save-dev")
      .sort(),
  );
  const wanted = ["dependencies", "devDependencies"].map((list) => Object.keys(manifest[list] ?? {}).sort());
  expect(installed).toEqual(wanted);
});

describe("its settings", () => {
  afterEach(() => vi.unstubAllEnvs());

  const load = () =>
    import(join(EXAMPLE, "lib/carillon.ts")) as Promise<{ carillon(): unknown; setting(name: string): string }>;

  test("aren't needed while the application is built; the first request says which is missing", async () => {
    const { carillon } = await load();
    expect(carillon).toThrow(/^CARILLON_APP_ID is not set/);
    for (const [, name = "", value] of (await readFile(join(EXAMPLE, ".env"), "utf8")).matchAll(/^(\w+)=(.*)$/gm)) {
      vi.stubEnv(name, name === "CARILLON_APP_SECRET" ? "" : value);
    }
    expect(carillon).toThrow(/^CARILLON_APP_SECRET is not set/);
    vi.stubEnv("CARILLON_APP_SECRET", "app-secret");
    expect(carillon()).toBe(carillon());
  });

  test("are those of .env, each asked for by its name", async () => {
    const given = [...(await readFile(join(EXAMPLE, ".env"), "utf8")).matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    const asked = [...tutorial.matchAll(/\bsetting\("(\w+)"\)/g)].map(([, name]) => name);
    expect(new Set(asked)).toEqual(new Set(given));
    expect(tutorial.match(/process\.env\b/g)).toHaveLength(1);
  });
});

test.each(["README.md", "docs/tutorial.md", "docs/options.md"])("the links of %s lead somewhere", async (page) => {
  const text = await readFile(join(ROOT, page), "utf8");
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => String(target));
  expect(targets.length).toBeGreaterThan(1);
  for (const target of targets) await access(join(ROOT, dirname(page), target));
});

test("the examples stand alone: nothing in them leads out of their folders", async () => {
  const entries = await readdir(join(ROOT, "examples"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.filter((path) => !/\/(node_modules|\.next)\//.test(path))) {
    expect({ file, text: await readFile(file, "utf8") }).toEqual({
      file,
      text: expect.not.stringMatching(/packages\/|\.\.\/\.\.\//),
    });
  }
});
