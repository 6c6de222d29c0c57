import { copyFile, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, NatsServer } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { CarillonProcess, type StartOptions } from "../../test/support/carillon-process.ts";
import { writeConfig } from "../../test/support/config-file.ts";
import { Crowd } from "../../test/support/crowd.ts";
import { carillon } from "../../test/support/run.ts";

const CLIENTS = 60;

interface WorkerLine {
  readonly event: string;
  readonly worker: number;
  readonly adminUrl: string;
  readonly pid: number;
}

describe.concurrent("carillon gateway --workers", () => {
  test("all processes share one port, and what is published reaches the clients of each", async () => {
    await using cluster = await startWorkers(3);
    const { gateway, publisher } = cluster;
    await using crowd = await Crowd.connect([gateway], CLIENTS);
    await crowd.subscribe(() => ["news"]);
    await publisher.publish({ channel: "news", event: "greeting", payload: 1 });
    await crowd.untilEvents((counts) => counts.get("news") === CLIENTS);

    const connections = await Promise.all(workersOf(gateway).map(connectionsOf));
    expect(connections).toHaveLength(3);
    expect(connections.reduce((sum, each) => sum + each, 0)).toBe(CLIENTS);
    for (const each of connections) expect(each).toBeGreaterThan(0);
    expect(await gateway.stop()).toBe(0);
  });

  test("a worker that is killed is replaced, while the others go on", async () => {
    await using cluster = await startWorkers(2);
    const { gateway } = cluster;
    const victim = workersOf(gateway)[1] as WorkerLine;
    process.kill(victim.pid, "SIGKILL");
    await eventually(() => expect(workersOf(gateway)).toHaveLength(3));
    const replacement = workersOf(gateway)[2] as WorkerLine;
    expect(replacement).toMatchObject({ worker: 1 });
    await using crowd = await Crowd.connect([gateway], CLIENTS);
    expect(crowd.size).toBe(CLIENTS);
    expect(await connectionsOf(replacement)).toBeGreaterThan(0);
    expect(await gateway.stop()).toBe(0);
  });

  test("one that can't be started again at first is, as soon as it can", async () => {
    const folder = await mkdtemp(join(tmpdir(), "carillon-node-"));
    const [node, away] = [join(folder, "node"), join(folder, "away")];
    await copyFile(process.execPath, node);
    await using cluster = await startWorkers(2, { node });
    const { gateway } = cluster;
    const ended = () => gateway.log.split("\n").filter((line) => line.includes('"event":"worker_ended"'));
    // Of all that keeps the system from making a process, what a test can do without harming others.
    await rename(node, away);
    process.kill((workersOf(gateway)[1] as WorkerLine).pid, "SIGKILL");
    await eventually(() => expect(ended().length).toBeGreaterThan(1));
    await rename(away, node);
    await eventually(() => expect(workersOf(gateway)).toHaveLength(3));
    expect(await gateway.stop()).toBe(0);
    await rm(folder, { recursive: true });
  });

  test("when the first process is killed, its workers drain and end", async () => {
    await using cluster = await startWorkers(2);
    const { gateway } = cluster;
    const pids = workersOf(gateway).map(({ pid }) => pid);
    await gateway.kill();
    await eventually(() => expect(pids.filter(isAlive)).toEqual([]));
  });

  test("a signal to the whole group, as from a terminal, drains once", async () => {
    await using cluster = await startWorkers(2);
    const { gateway } = cluster;
    await using crowd = await Crowd.connect([gateway], CLIENTS);
    for (const { pid } of workersOf(gateway)) process.kill(pid, "SIGTERM");
    expect(await gateway.stop()).toBe(0);
    // That of a drain. A process that had died of the signal would have cut them: 1006.
    expect(await crowd.closeCodes()).toEqual(new Set([4200]));
  });

  test("a port that is in use is refused, by another group of workers as well", async () => {
    await using cluster = await startWorkers(2);
    const { port } = new URL(cluster.gateway.url);
    const args = ["gateway", "--workers", "2", "--host", "127.0.0.1", "--port", port, "--admin-port", "0"];
    const { code, stderr } = await carillon([...args, ...cluster.args]);
    expect(code).toBe(71);
    expect(stderr).toContain(port);
  });

  test("what is wrong for every worker is said once, with its exit code", async () => {
    const args = ["gateway", "--workers", "3", "--port", "0", "--admin-port", "0", "--config", await writeConfig()];
    const { code, stderr } = await carillon([...args, "--nats", "nats://127.0.0.1:1"]);
    expect(code).toBe(69);
    expect(stderr.match(/127\.0\.0\.1:1\b/g)).toHaveLength(1);
    expect(await carillon([...args, "--nats", "nats://127.0.0.1:1", "--workers", "none"])).toMatchObject({ code: 78 });
  });
});

/** A gateway of several workers, and a publisher, on a NATS server of their own. */
async function startWorkers(count: number, options: StartOptions = {}) {
  const nats = await NatsServer.start();
  const args = ["--config", await writeConfig(), "--nats", nats.url];
  const gateway = await CarillonProcess.start("gateway", [...args, "--workers", String(count)], options);
  const publisher = await CarillonProcess.start("publisher", args);
  return {
    args,
    gateway,
    publisher,
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await publisher[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
    },
  };
}

/** The workers that have been ready so far, in the order of their places where they started together. */
function workersOf(gateway: CarillonProcess): WorkerLine[] {
  const lines = gateway.log.split("\n").filter((line) => line.includes('"event":"worker_ready"'));
  return lines.map((line) => JSON.parse(line) as WorkerLine);
}

async function connectionsOf({ adminUrl }: WorkerLine): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const values = text.split("\n").filter((line) => line.startsWith("carillon_connections{"));
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // There is no such process: that is the answer.
    return false;
  }
}
