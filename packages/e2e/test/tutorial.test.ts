import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
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

test("its commands install what the example depends on", async () => {
  const manifest = JSON.parse(await readFile(join(EXAMPLE, "package.json"), "utf8")) as Record<string, object>;
  const installed = [...tutorial.matchAll(/^npm install (.*)$/gm)].map(([, names]) =>
    String(names)
      .split(" ")
      .filter((name) => name !== "--save-dev")
      .sort(),
  );
  const wanted = ["dependencies", "devDependencies"].map((list) => Object.keys(manifest[list] ?? {}).sort());
  expect(installed).toEqual(wanted);
});
