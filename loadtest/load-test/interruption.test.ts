import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MAIN } from "./run-load.ts";

test("a run that is interrupted says so, and leaves nothing behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-interrupted-"));
  try {
    const env = { ...process.env, TMPDIR: folder, OUT: join(folder, "out"), N: "10", GATEWAYS: "1", HOLD: "60s" };
    const child = spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "pipe"] });
    const closed = once(child, "close");
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += String(chunk);
        // With everything started, and its files there.
        // And again when it answers, as people do.
        if (output.includes(" connected, ")) child.kill("SIGINT");
      });
    }
    const [exitCode] = await closed;
    expect({ exitCode, output }).toEqual({ exitCode: 130, output: expect.stringContaining("Interrupted") });
    expect(await readdir(folder)).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 120_000);
