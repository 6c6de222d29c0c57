import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { findBase, NoBaseError } from "../micro/base.ts";
import { TestRepository } from "./support/test-repository.ts";

describe("base of the gate", () => {
  test("is the last commit in common with origin/main, on a branch", async () => {
    using repository = new TestRepository();
    const first = repository.commit("first");
    repository.git("update-ref", "refs/remotes/origin/main", first);
    repository.commit("only here");
    repository.git("switch", "--create", "topic");
    repository.commit("second");
    expect(await findBase(repository.root, null)).toEqual({
      commit: first,
      origin: "the last commit in common with origin/main",
    });
  });

  test("is the last commit in common with main, where there is no remote", async () => {
    using repository = new TestRepository();
    const first = repository.commit("first");
    repository.git("switch", "--create", "topic");
    repository.commit("second");
    repository.git("switch", "main");
    repository.commit("meanwhile");
    repository.git("switch", "topic");
    expect((await findBase(repository.root, null)).commit).toBe(first);
  });

  test("is the commit before, where HEAD is on the main branch", async () => {
    using repository = new TestRepository();
    const first = repository.commit("first");
    repository.commit("second");
    expect((await findBase(repository.root, null)).commit).toBe(first);
  });

  test("is what --base says, by any name that git knows", async () => {
    using repository = new TestRepository();
    const first = repository.commit("first");
    repository.git("tag", "--annotate", "--message", "v1", "v1");
    repository.commit("second");
    repository.commit("third");
    for (const name of ["v1", first.slice(0, 10), "HEAD~2"]) {
      expect(await findBase(repository.root, name)).toEqual({ commit: first, origin: `as --base ${name} says` });
    }
  });

  test("a shallow clone is told what to do, and does once it has done it", async () => {
    using repository = new TestRepository();
    repository.commit("first");
    const second = repository.commit("second");
    repository.git("switch", "--create", "topic");
    repository.commit("third");
    const clone = join(repository.folder, "clone");
    const from = pathToFileURL(repository.root).href;
    execFileSync("git", ["clone", "--quiet", "--depth", "1", "--no-single-branch", from, clone]);
    await expect(findBase(clone, null)).rejects.toThrow(/shallow: .*git fetch --unshallow origin.*--base COMMIT/);
    await expect(findBase(clone, "HEAD~1")).rejects.toThrow(/there is no commit HEAD~1, because this clone is shallow/);
    execFileSync("git", ["fetch", "--quiet", "--unshallow", "origin"], { cwd: clone });
    expect((await findBase(clone, null)).commit).toBe(second);
  });

  test.each([
    [
      "there is neither origin/main nor main: fetch it",
      (repository: TestRepository) => {
        repository.commit("first");
        repository.git("branch", "--move", "trunk");
      },
    ],
    [
      "HEAD has no commit before it: name a base that there is",
      (repository: TestRepository) => {
        repository.commit("first");
      },
    ],
    [
      "HEAD and main have no commit in common: name a base that there is",
      (repository: TestRepository) => {
        repository.commit("first");
        repository.git("switch", "--quiet", "--orphan", "other");
        repository.commit("unrelated");
      },
    ],
    ["this is no git checkout with a commit", () => undefined],
  ])("%s", async (message, arrange) => {
    using repository = new TestRepository();
    arrange(repository);
    const failure = findBase(repository.root, null);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(NoBaseError);
  });

  test("a name that is none is refused, and never taken for an option", async () => {
    using repository = new TestRepository();
    repository.commit("first");
    for (const name of ["nowhere", "--all"]) {
      await expect(findBase(repository.root, name)).rejects.toThrow(`there is no commit ${name}: name a base`);
    }
  });

  test("a folder that is no repository is told so", async () => {
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "carillon-no-repository-"));
    try {
      writeFileSync(join(folder, ".git"), "gitdir: /nowhere\n");
      await expect(findBase(folder, null)).rejects.toThrow("this is no git checkout");
      expect(existsSync(folder)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
