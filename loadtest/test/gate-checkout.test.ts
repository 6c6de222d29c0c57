import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { BaseCheckout } from "../micro/base-checkout.ts";
import { TestRepository } from "./support/test-repository.ts";

const TYPESCRIPT = dirname(fileURLToPath(import.meta.resolve("typescript/package.json")));

/** A workspace like ours with two packages, one of which imports the other; `answer` is what it says. */
function writeWorkspace(repository: TestRepository, answer: string): void {
  repository.write("package.json", '{"private":true,"type":"module","workspaces":["packages/*"]}');
  repository.write("package-lock.json", "{}");
  repository.write(".gitignore", "node_modules\ndist\n");
  for (const [name, source, references] of [
    ["low", `export const answer: string = ${answer};\n`, []],
    ["high", 'export { answer } from "@carillon/low";\n', [{ path: "../low" }]],
  ] as const) {
    const main = { name: `@carillon/${name}`, type: "module", exports: "./dist/index.js" };
    repository.write(`packages/${name}/package.json`, JSON.stringify({ ...main, types: "./dist/index.d.ts" }));
    repository.write(`packages/${name}/src/index.ts`, source);
    const compilerOptions = {
      composite: true,
      rootDir: "src",
      outDir: "dist",
      module: "nodenext",
      lib: ["es5"],
      types: [],
    };
    repository.write(
      `packages/${name}/tsconfig.json`,
      JSON.stringify({ compilerOptions, include: ["src"], references }),
    );
  }
}

/** What `npm ci` would have made: links to the workspace's packages, and one from elsewhere. */
function install(repository: TestRepository): void {
  repository.write("node_modules/@carillon/.keep", "");
  for (const name of ["low", "high"])
    symlinkSync(`../../packages/${name}`, join(repository.root, "node_modules/@carillon", name));
  symlinkSync(TYPESCRIPT, join(repository.root, "node_modules/typescript"));
  repository.write("node_modules/other/index.js", "");
}

function answerOf(root: string): string {
  const script = 'import("@carillon/high").then(({ answer }) => process.stdout.write(answer))';
  return execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: root, encoding: "utf8" });
}

// Compilers need their time on a busy machine.
describe("checkout of the base", { timeout: 120_000 }, () => {
  test("is built from its own packages, on what is installed here, and goes without a trace", async () => {
    using repository = new TestRepository();
    writeWorkspace(repository, '"as it was"');
    const commit = repository.commit("before");
    install(repository);
    writeWorkspace(repository, '"as it is"');
    let root: string;
    {
      using checkout = await BaseCheckout.create({
        root: repository.root,
        commit,
        projects: ["packages/high", "packages/not-there"],
      });
      root = checkout.root;
      expect(answerOf(root)).toBe("as it was");
      expect(realpathSync(join(root, "node_modules/other"))).toBe(join(repository.root, "node_modules/other"));
      expect(repository.git("worktree", "list").split("\n")).toHaveLength(2);
    }
    expect(existsSync(root)).toBe(false);
    expect(repository.git("worktree", "list").split("\n")).toHaveLength(1);
    expect(existsSync(join(repository.root, "node_modules/other/index.js"))).toBe(true);
    expect(readFileSync(join(repository.root, "packages/low/src/index.ts"), "utf8")).toContain("as it is");
  });

  test("that does not compile says what the compiler said, and leaves nothing behind", async () => {
    using repository = new TestRepository();
    writeWorkspace(repository, "42");
    const commit = repository.commit("broken");
    install(repository);
    const creating = BaseCheckout.create({ root: repository.root, commit, projects: ["packages/high"] });
    await expect(creating).rejects.toThrow(/the base could not be built: .*tsc -b packages\/high failed\n.*TS2322/s);
    expect(repository.git("worktree", "list").split("\n")).toHaveLength(1);
  });
});
