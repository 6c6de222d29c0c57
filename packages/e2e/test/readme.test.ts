import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { type FindBlock, readBlocks } from "./support/doc-blocks.ts";
import { run } from "./support/run.ts";

let block: FindBlock;

beforeAll(async () => {
  block = await readBlocks("README.md");
});

const HOST = /127\.0\.0\.1:8080/g;

describe("README › the examples run as they stand, but for the port", () => {
  test("make run and make test are targets that exist", async () => {
    expect(block("sh", "make run")).toContain("make test");
    const { stdout } = await run("make", ["-n", "run", "test"]);
    expect(stdout).toContain("carillon.js dev");
    expect(stdout).toContain("vitest run");
  });

  test("curl, page and server snippet: what is published arrives", async () => {
    await using carillon = await CarillonProcess.start("dev");
    const { host } = new URL(carillon.url);
    await using client = await NativeClient.open(carillon.webSocketUrl);
    await client.subscribe("user-42");

    const { stdout } = await run("bash", ["-c", block("sh", "curl -i").replace(HOST, host)]);
    expect(stdout).toMatch(/^HTTP\/1\.1 204/);
    await client.events(1);

    // The page's snippet, run by Node with the WebSocket of `ws`, which behaves as the browser's.
    const page = block("js", "new WebSocket").replace(HOST, host);
    const program = `import { WebSocket } from "ws"; ${page}; setInterval(() => undefined, 1000);
      ws.addEventListener("message", (e) => { const { type, event } = JSON.parse(e.data); if (type === "subscribed") console.log("standing"); if (event) process.exit(); });`;
    const reader = run(process.execPath, ["--input-type=module", "-e", program]);
    const server = block("js", "await fetch").replace(HOST, host);
    await eventually(async () => expect(await carillon.metric("carillon_subscriptions")).toBe(2));
    expect(await run(process.execPath, ["--input-type=module", "-e", server])).toMatchObject({ code: 0, stderr: "" });
    expect((await reader).stdout).toContain("new order 1");
    expect((await client.events(2)).at(-1)).toEqual({ channel: "user-42", event: "order.created", payload: { id: 1 } });
  });

  test("server.js: Carillon inside another process, stopped cleanly by SIGTERM", async () => {
    const program = `${block("js", "startCarillon").replace("port: 8080", 'host: "127.0.0.1", port: 0')}
      process.kill(process.pid, "SIGTERM");`;
    const { code, stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", program]);
    expect(stdout).toMatch(/browsers connect to ws:\/\/127\.0\.0\.1:\d+\/ws/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("the cluster: the commands and the configuration, on free ports", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const config = await writeConfig(block("yaml", "publishSecret"));
    const commands = block("sh", "npx carillon gateway")
      .split("\n")
      .filter((line) => line.startsWith("npx carillon"));
    expect(commands).toHaveLength(3);
    const started = await Promise.all(
      commands.map((command) => {
        const [role, ...flags] = command.replace(/ &$/, "").trim().split(/\s+/).slice(2) as ["gateway", ...string[]];
        // Later flags win, so those of the README are parsed, and then the ports and files made the test's own.
        const own = ["--nats", nats.url, "--config", config, "--port", "0", "--admin-port", "0"];
        return CarillonProcess.start(role, [...flags, ...own]);
      }),
    );
    const [first, second, publisher] = started as [CarillonProcess, CarillonProcess, CarillonProcess];
    for (const gateway of [first, second]) {
      await using client = await NativeClient.open(gateway.webSocketUrl);
      await client.subscribe("user-42");
      const event = { channel: "user-42", event: "order.created", payload: { id: 1 } };
      expect((await publisher.publish(event, "another-long-random-secret")).status).toBe(204);
      expect(await client.events(1)).toEqual([event]);
    }
    await Promise.all(started.map((each) => each.stop()));
  });
});
