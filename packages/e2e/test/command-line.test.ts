import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "./support/config-file.ts";
import { readBlocks } from "./support/doc-blocks.ts";
import { BIN, carillon, run } from "./support/run.ts";

describe.concurrent("exit codes", () => {
  test("64 › an unknown flag or command, with a hint", async () => {
    const flag = await carillon(["dev", "--prot", "1"]);
    expect(flag).toMatchObject({ code: 64, stderr: expect.stringContaining("--port") });
    expect(await carillon(["serve"])).toMatchObject({ code: 64 });
    expect(await carillon(["--help"])).toMatchObject({ code: 0, stdout: expect.stringContaining("gateway") });
  });

  test("78 › a wrong configuration, every problem with its place, no secret repeated", async () => {
    const file = await writeConfig("apps:\n  - id: 1\n    key: ''\n    secrets: [hush-hush]\n    lmits: {}\n");
    const { code, stderr } = await carillon(["gateway", "--config", file, "--nats", "nats://127.0.0.1:1"]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/carillon\.yaml:5:\d+.*limits/);
    expect(stderr).not.toContain("hush-hush");
  });

  test("78 › a gateway without NATS or apps is told what to give it", async () => {
    const { code, stderr } = await carillon(["gateway"]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/nats/i);
    expect(stderr).toMatch(/apps/i);
  });

  test("71 › the port is in use", async () => {
    await using running = await CarillonProcess.start("dev");
    const { port } = new URL(running.url);
    const { code, stderr } = await carillon(["dev", "--host", "127.0.0.1", "--port", port, "--admin-port", "0"]);
    expect(code).toBe(71);
    expect(stderr).toContain(port);
  });

  test("71 › no interface has the address", async () => {
    const { code, stderr } = await carillon(["dev", "--host", "192.0.2.1", "--port", "0", "--admin-port", "0"]);
    expect([code, stderr]).toEqual([
      71,
      expect.stringMatching(/^carillon: Cannot listen at 192\.0\.2\.1.*Use 0\.0\.0\.0/),
    ]);
  });

  test("69 › NATS can't be reached", async () => {
    const config = await writeConfig();
    const { code, stderr } = await carillon([
      "publisher",
      "--config",
      config,
      "--nats",
      "nats://127.0.0.1:1",
      "--port",
      "0",
    ]);
    expect(code).toBe(69);
    expect(stderr).toContain("127.0.0.1:1");
  });

  test("a server that can't start says why as a line of its log, and as a text where the log is for people", async () => {
    const nowhere = ["--config", await writeConfig(), "--nats", "nats://127.0.0.1:1", "--port", "0"];
    const wrong = ["--port", "none"];
    for (const [role, args, exitCode] of [["gateway", nowhere, 69] as const, ["webhooks", wrong, 78] as const]) {
      const { code, stderr } = await carillon([role, ...args]);
      expect(code).toBe(exitCode);
      const lines = stderr.trim().split("\n");
      const line = { level: "error", role, event: "start_failed", exitCode, reason: expect.any(String) };
      expect(lines.map((text): unknown => JSON.parse(text))).toEqual([expect.objectContaining(line)]);
    }
    const pretty = await carillon(["webhooks", ...wrong], { CARILLON_LOG_FORMAT: "pretty" });
    expect(pretty).toMatchObject({ code: 78, stderr: expect.stringMatching(/^carillon: /) });
  });

  test.each([1, 2])("143 › SIGTERM ends %i process(es) that still start, and SIGHUP doesn't", async (workers) => {
    // Takes connections, and is no NATS.
    const silent = createServer().listen(0, "127.0.0.1");
    const connected = once(silent, "connection");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const args = ["--config", await writeConfig(), "--nats", `nats://127.0.0.1:${port}`, "--workers", String(workers)];
    const child = spawn(process.execPath, [BIN, "gateway", ...args], { stdio: "ignore" });
    const exited = once(child, "exit");
    const [socket] = (await connected) as [Socket];
    child.kill("SIGHUP");
    child.kill("SIGTERM");
    expect(await exited).toEqual([143, null]);
    socket.destroy();
    silent.close();
  });

  test("1 › what nobody caught is told as a line of the log", async () => {
    const fault = "data:text/javascript,process.on('SIGUSR2',()=>Promise.reject(new Error('a bug')))";
    await using running = await CarillonProcess.start("dev", [], { nodeArgs: ["--import", fault] });
    running.signal("SIGUSR2");
    expect(await running.exited()).toBe(1);
    await eventually(() => expect(running.log).toContain('"event":"crashed"'));
    for (const line of running.log.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ role: "dev" });
  });

  test("0 › SIGTERM and SIGINT drain a process of every role", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(), "--nats", nats.url];
    for (const role of ["dev", "gateway", "publisher"] as const) {
      const running = await CarillonProcess.start(role, args);
      expect(await running.stop()).toBe(0);
      expect(running.log).toContain('"event":"stopped"');
    }
  });
});

describe("carillon dev", () => {
  test("prints the addresses, the app and a curl that works when pasted", async () => {
    await using running = await CarillonProcess.start("dev", ["--log-format", "pretty"]);
    await eventually(() => expect(running.log).toContain("curl"));
    for (const part of [running.url, running.webSocketUrl, "1001", "app-key", "app-secret", "guide-secret"]) {
      expect(running.log).toContain(part);
    }
    const { port } = new URL(running.url);
    expect(running.log).toContain(
      `new Pusher("app-key", { cluster: "any", wsHost: "127.0.0.1", wsPort: ${port}, forceTLS: false, enabledTransports: ["ws"] })`,
    );
    await using client = await NativeClient.open(running.webSocketUrl);
    await client.subscribe("user-42");
    const curl = running.log.slice(running.log.indexOf("curl -i"));
    const { stdout } = await run("bash", ["-c", curl]);
    expect(stdout).toContain("204");
    expect(await client.events(1)).toEqual([{ channel: "user-42", event: "order.created", payload: { id: 1 } }]);
  });

  test("with --nats it is a member of a cluster", async () => {
    await using nats = await NatsServer.start();
    const args = ["--nats", nats.url];
    await using first = await CarillonProcess.start("dev", args);
    await using second = await CarillonProcess.start("dev", args);
    await using client = await NativeClient.open(first.webSocketUrl);
    await client.subscribe("shared");
    expect((await second.publish({ channel: "shared", event: "hello", payload: "from the other" })).status).toBe(204);
    expect((await client.events(1))[0]?.payload).toBe("from the other");
  });

  test("nothing secret is logged, whatever clients send", async () => {
    await using running = await CarillonProcess.start("dev", []);
    const client = await NativeClient.connect(`${running.webSocketUrl}?token=very-secret-token`);
    await client.closed;
    await running.publish({ channel: "a", event: "b", payload: "very-secret-payload" }, "very-secret-guess");
    await running.stop();
    expect(running.log).not.toContain("very-secret");
  });
});

describe("reload", () => {
  test("a changed file takes hold without dropping anybody; a broken one is reported and changes nothing", async () => {
    const file = await writeConfig();
    await using running = await CarillonProcess.start("dev", ["--config", file]);
    await using client = await NativeClient.open(running.webSocketUrl);
    await client.subscribe("news");

    await writeFile(file, GUIDE_CONFIG.replace("guide-secret", "rotated-secret"));
    await eventually(async () => {
      expect((await running.publish({ channel: "other", event: "a" }, "rotated-secret")).status).toBe(204);
    });
    expect((await running.publish({ channel: "other", event: "a" }, "guide-secret")).status).toBe(401);

    await writeFile(file, "apps: [");
    await eventually(() => expect(running.log).toContain("config_reload_refused"));
    expect((await running.publish({ channel: "news", event: "still here" }, "rotated-secret")).status).toBe(204);
    expect((await client.events(1))[0]?.event).toBe("still here");
  });
});

describe("carillon doctor", () => {
  test("all well: exit 0, and each thing it looked at", async () => {
    await using nats = await NatsServer.start();
    const args = ["--config", await writeConfig(), "--nats", nats.url, "--port", "0", "--admin-port", "0"];
    const { code, stdout } = await carillon(["doctor", ...args]);
    expect(stdout).not.toContain("BAD");
    expect(code).toBe(0);
    for (const subject of ["Node.js", "server binary", "open files", "configuration", "port", "NATS"]) {
      expect(stdout).toContain(subject);
    }
  });

  test("finds a port in use, NATS away and a wrong configuration, and says what to do", async () => {
    await using running = await CarillonProcess.start("dev");
    const { port } = new URL(running.url);
    const config = await writeConfig();
    const args = [
      "--config",
      config,
      "--host",
      "127.0.0.1",
      "--port",
      port,
      "--admin-port",
      "0",
      "--nats",
      "nats://127.0.0.1:1",
    ];
    const busy = await carillon(["doctor", ...args]);
    expect(busy.code).toBe(71);
    expect(busy.stdout).toMatch(/BAD\s+port .*another process/);
    expect(busy.stdout).toMatch(/BAD\s+NATS .*127\.0\.0\.1:1/);
    const workers = ["--admin-port", String(Number(port) - 1), "--config", config, "--nats", "nats://127.0.0.1:1"];
    const behind = await carillon(["doctor", ...workers, "--port", "0"], { CARILLON_GATEWAY_WORKERS: "2" });
    expect(behind.code).toBe(71);
    expect(behind.stdout).toMatch(new RegExp(`BAD\\s+admin port .*:${port}: another process`));
    const wrong = await carillon(["doctor", "--config", await writeConfig("nothing: here\n")]);
    expect(wrong.code).toBe(78);
    expect(wrong.stdout).toMatch(/BAD\s+configuration/);
    const unreadable = ["--config", config, "--nats", "nats://127.0.0.1:1", "--port", "0"];
    const secret = await carillon(["doctor", ...unreadable], { CARILLON_NATS_CREDENTIALS_CREDS_FILE: "/nowhere" });
    expect(secret.code).toBe(78);
    expect(secret.stdout).toMatch(
      /BAD\s+configuration.*\/nowhere nats\.credentials\.credsFile: the file can't be read/s,
    );
  });
});

test("where nobody reads the output to its end, a command does what it does, and the exit code tells of that", async () => {
  const child = spawn(process.execPath, [BIN, "doctor", "--config", await writeConfig("nothing: here\n")]);
  child.stdout.destroy();
  let stderr = "";
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = await once(child, "close");
  expect({ code, stderr }).toEqual({ code: 78, stderr: "" });
});

describe("carillon token", () => {
  test("connection › a JWT that a gateway takes, with what it grants", async () => {
    await using running = await CarillonProcess.start("dev");
    const { code, stdout } = await carillon([
      "token",
      "connection",
      "--user",
      "42",
      "--allow",
      "private-*=subscribe",
      "--ttl",
      "60",
    ]);
    expect(code).toBe(0);
    await using client = await NativeClient.open(`${running.webSocketUrl}?token=${stdout.trim()}`);
    await client.subscribe("private-orders");
  });

  test("channel › a token for one connection and channel", async () => {
    await using running = await CarillonProcess.start("dev");
    await using client = await NativeClient.open(running.webSocketUrl);
    const args = ["token", "channel", "--connection", client.connectionId, "--channel", "private-orders"];
    const { stdout } = await carillon(args);
    await client.subscribe("private-orders", { token: stdout.trim() });
  });

  test("api › a token that publishes in place of the publish secret, and no longer than a publisher takes", async () => {
    await using running = await CarillonProcess.start("dev");
    const { code, stdout } = await carillon(["token", "api"]);
    expect(code).toBe(0);
    const publish = (token: string) =>
      fetch(`${running.url}/publish`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ channel: "orders", event: "order.created", payload: { id: 1 } }),
      });
    expect((await publish(stdout.trim())).status).toBe(204);
    const connection = await carillon(["token", "connection", "--allow", "*=publish"]);
    expect((await publish(connection.stdout.trim())).status).toBe(401);
    expect((await publish((await carillon(["token", "api", "--ttl", "900"])).stdout.trim())).status).toBe(204);
    expect(await carillon(["token", "api", "--ttl", "901"])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("900"),
    });
    expect((await carillon(["token", "--help"])).stdout).toContain("Authorization: Bearer");
  });

  test("says what is wrong with a capability, a channel or an app", async () => {
    expect(await carillon(["token", "connection", "--allow", "a=shout"])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("subscribe"),
    });
    expect(await carillon(["token", "channel", "--connection", "1.1", "--channel", "a b"])).toMatchObject({ code: 64 });
    expect(await carillon(["token", "connection", "--app", "7"])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining("1001"),
    });
  });
});

describe("carillon size", () => {
  test("says what docs/sizing.md shows for the workload there", async () => {
    const block = await readBlocks("docs/sizing.md");
    const args = block("sh", "carillon size").trim().split(" ").slice(1);
    expect(await carillon(args)).toMatchObject({ code: 0, stdout: block("text", "nats-server") });
    const json = await carillon([...args, "--format", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ gateways: { count: 4 }, fitsOneCluster: true });
  });

  test("64 › numbers that are none, and workloads that can't be", async () => {
    const wrong = await carillon(["size", "--connections", "many"]);
    expect(wrong).toMatchObject({ code: 64, stderr: expect.stringContaining("50k") });
    const unkept = await carillon(["size", "--connections", "50k", "--kept-events", "1M"]);
    expect(unkept).toMatchObject({ code: 64, stderr: expect.stringContaining("--kept") });
    const crowded = await carillon(["size", "--connections", "10", "--subscribers", "100"]);
    expect(crowded).toMatchObject({ code: 64, stderr: expect.stringContaining("no more than there are") });
  });
});
