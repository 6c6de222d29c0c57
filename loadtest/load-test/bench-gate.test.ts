import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { ForkedProcess } from "../bench/forked-process.ts";
import { BENCHMARKS } from "../micro/benchmarks.ts";
import type { SideReply, SideRequest } from "../micro/side-messages.ts";

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const BUILT = join(REPOSITORY, "loadtest/dist/micro");

interface Report {
  readonly isPassed: boolean;
  readonly verdicts: readonly {
    readonly name: string;
    readonly finding: string;
    readonly interval: { readonly median: number } | null;
  }[];
}

/** Runs the gate, to its end. */
function run(args: readonly string[]): Promise<{ readonly exitCode: number | null; readonly output: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [join(BUILT, "main.js"), ...args], (_error, stdout, stderr) =>
      done({ exitCode: child.exitCode, output: stdout + stderr }),
    );
  });
}

/** Runs it on the codecs, next to the very same commit. */
async function runOnItself(...args: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "carillon-gate-test-"));
  const json = join(folder, "report.json");
  try {
    const all = ["--base", "HEAD", "--only", "codec", "--pairs", "2", "--rounds", "4", "--json", json, ...args];
    const { exitCode, output } = await run(all);
    const report = JSON.parse(await readFile(json, "utf8")) as Report;
    return { exitCode, output, report };
  } finally {
    await rm(folder, { recursive: true });
  }
}

// Each builds the base; on a busy machine that takes minutes.
describe("gate of the hot paths", { timeout: 600_000 }, () => {
  test("finds that a version is slower", async () => {
    const { exitCode, output, report } = await runOnItself("--planted", "3", "--limit", "1.3");
    expect(exitCode, output).toBe(1);
    expect(report.isPassed).toBe(false);
    const slower = report.verdicts.filter(({ finding }) => finding === "slower").map(({ name }) => name);
    expect(slower).not.toEqual([]);
    expect(output).toContain(`Slower than the base by more than a factor of 1.30: ${slower.join(", ")}.`);
    // A busy machine makes some of the intervals wide, but it moves none of the medians that far.
    for (const { name, interval } of report.verdicts) expect(interval?.median, name).toBeGreaterThan(1.3);
  });

  test("passes a version that is the same", async () => {
    // As much as no busy machine makes of nothing, twice.
    const { exitCode, output, report } = await runOnItself("--limit", "1.8");
    expect(exitCode, output).toBe(0);
    expect(report.isPassed).toBe(true);
    expect(report.verdicts).toHaveLength(BENCHMARKS.filter(({ name }) => name.startsWith("codec/")).length);
  });

  test.each([
    [["--base", "nowhere"], "there is no commit nowhere: name a base that there is: --base COMMIT"],
    [["--only", "codecs"], "there are no benchmarks codecs"],
  ])("%j can't be told, and says why", async (args, message) => {
    const { exitCode, output } = await run(args);
    expect(exitCode).toBe(2);
    expect(output).toContain(message);
  });

  test("leaves out what the base doesn't have", async () => {
    const base = await mkdtemp(join(tmpdir(), "carillon-gate-base-"));
    await writeFile(join(base, "package.json"), "{}");
    const script = `
      const { compare } = await import(${JSON.stringify(pathToFileURL(join(BUILT, "comparison.js")).href)});
      const [base, tree] = ${JSON.stringify([base, REPOSITORY])};
      const effort = { pairs: 2, rounds: 1, planted: 1 };
      console.log(JSON.stringify([...(await compare(["codec/envelope encode"], { base, tree }, effort))]));
      await compare(["codec/envelope encode"], { base: tree, tree: base }, effort).catch(({ message }) => console.log(message));
    `;
    try {
      const output = await new Promise<string>((done) =>
        execFile(process.execPath, ["--input-type=module", "--eval", script], (_error, stdout, stderr) =>
          done(stdout + stderr),
        ),
      );
      const [absent = "", failure = ""] = output.split("\n");
      const reason = expect.stringContaining("@carillon/protocol");
      expect(JSON.parse(absent)).toEqual([["codec/envelope encode", { kind: "absent", reason }]]);
      expect(failure).toContain("codec/envelope encode fails in the working tree: ");
    } finally {
      await rm(base, { recursive: true });
    }
  });
});

describe("benchmarks of the gate", () => {
  test.each(BENCHMARKS.map(({ name }) => name))("%s does its work, however often", async (name) => {
    await using side = new ForkedProcess({ role: "side", script: join(BUILT, "side.js"), args: [REPOSITORY] });
    const ask = async (request: SideRequest) => (await side.ask(request, request.kind)) as SideReply;
    expect(await ask({ kind: "prepare", name })).toEqual({ kind: "ready" });
    for (const times of [1, 41, 100]) {
      expect(await ask({ kind: "run", times })).toEqual({ kind: "done", cpuUs: expect.any(Number) });
    }
  });
});
