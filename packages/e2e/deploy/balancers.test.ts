import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, freePorts, NativeClient, NatsServer } from "@carillon/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Started, start, stop } from "../local/processes.ts";
import { findTool, type Program } from "../local/programs.ts";
import { renderEnvoy, renderText } from "../local/render.ts";
import { type Ports, portsOf } from "../local/topology.ts";
import { CarillonProcess } from "../test/support/carillon-process.ts";
import { writeConfig } from "../test/support/config-file.ts";
import { DEPLOY, temporaryFolder } from "./support/tools.ts";

/** A load balancer, with the configuration of deploy/ and the gateways of this test in the places of those it names. */
type Balancer = (folder: string, ports: Ports) => Promise<Program>;

const envoy: Balancer = async (folder, ports) => {
  await writeFile(join(folder, "envoy.yaml"), await renderEnvoy(join(DEPLOY, "envoy/envoy.yaml"), ports));
  const command = [await findTool("envoy"), "--config-path", join(folder, "envoy.yaml"), "--disable-hot-restart"];
  return { name: "envoy", command: [...command, "--concurrency", "1"], env: {}, readyUrl: "" };
};

const haproxy: Balancer = async (folder, ports) => {
  const text = (await renderText(join(DEPLOY, "haproxy/haproxy.cfg"), ports))
    .replace("0.0.0.0:8080", `127.0.0.1:${ports.webSocket}`)
    .replace("0.0.0.0:8081", `127.0.0.1:${ports.publish}`)
    .replace("127.0.0.1:9902", `127.0.0.1:${ports.envoyAdmin}`)
    // More than the machines of tests give a process.
    .replace("maxconn 200000", "maxconn 2000");
  // There all gateways have their admin page on the same port, here each has one of its own.
  let located = text;
  for (const { port, admin } of [...ports.gateways, { port: ports.publisher.port, admin: ports.publisher.admin }])
    located = located.replace(`127.0.0.1:${port}`, `127.0.0.1:${port} port ${admin}`);
  await writeFile(join(folder, "haproxy.cfg"), located);
  return {
    name: "haproxy",
    command: [await findTool("haproxy"), "-f", join(folder, "haproxy.cfg")],
    env: {},
    readyUrl: "",
  };
};

const SOURCES = Array.from({ length: 60 }, (_, index) => `127.0.7.${index + 1}`);
const CONFIG = `
apps:
  - { id: "1001", key: app-key, secrets: [app-secret], publishSecret: guide-secret }
gateway: { drain: { delaySeconds: 600, spreadSeconds: 1 } }
`;

let nats: NatsServer;
let gateways: CarillonProcess[] = [];
let publisher: CarillonProcess;
let ports: Ports;
/** What connection ids of each gateway begin with. */
let nodes: string[] = [];

beforeEach(async () => {
  nats = await NatsServer.start();
  const args = ["--config", await writeConfig(CONFIG), "--nats", nats.url];
  publisher = await CarillonProcess.start("publisher", args);
  gateways = await Promise.all([1, 2, 3].map(() => CarillonProcess.start("gateway", args)));
  nodes = await Promise.all(
    gateways.map(async ({ webSocketUrl }) => {
      const client = await NativeClient.open(webSocketUrl);
      await client.close();
      return nodeOf(client);
    }),
  );
  const portOf = (url: string) => Number(new URL(url).port);
  const [webSocket = 0, publish = 0, envoyAdmin = 0] = await freePorts(3);
  ports = {
    ...portsOf(),
    webSocket,
    publish,
    envoyAdmin,
    gateways: gateways.map(({ url, adminUrl }, index) => ({
      name: `gateway-${index + 1}`,
      port: portOf(url),
      admin: portOf(adminUrl),
    })),
    publisher: { port: portOf(publisher.url), admin: portOf(publisher.adminUrl) },
  };
});

afterEach(async () => {
  await Promise.all([...gateways, publisher].map((each) => each?.[Symbol.asyncDispose]()));
  await nats?.stop();
});

/** The first part of a connection's id names the gateway that gave it. */
const nodeOf = (client: NativeClient) => client.connectionId.split(".")[0] ?? "";

/** Which gateway a client of a source address comes to. */
async function gatewayOf(source: string): Promise<number> {
  const client = await NativeClient.open(`ws://127.0.0.1:${ports.webSocket}/ws`, { localAddress: source });
  await client.close();
  return nodes.indexOf(nodeOf(client));
}

async function placesOf(sources: readonly string[]): Promise<number[]> {
  const places: number[] = [];
  for (const source of sources) places.push(await gatewayOf(source));
  return places;
}

describe.each([
  ["Envoy", envoy],
  ["HAProxy", haproxy],
] as const)("%s", (_name, balancer) => {
  test("same source, same gateway; one that drains keeps its clients and gets no new ones; publishing goes through", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "logs"));
    const running: Started = await start(await balancer(folder.path, ports), join(folder.path, "logs"));
    try {
      const url = `ws://127.0.0.1:${ports.webSocket}/ws`;
      await eventually(async () => void (await (await NativeClient.open(url)).close()), { timeoutMs: 30_000 });
      // All three are known to be well: before that, clients go to those that are.
      await eventually(async () => expect(new Set(await placesOf(SOURCES.slice(0, 12))).size).toBe(3), {
        timeoutMs: 30_000,
      });
      const places = await placesOf(SOURCES);
      expect(await placesOf(SOURCES)).toEqual(places);

      const drained = places[0] ?? 0;
      await using stays = await NativeClient.open(url, { localAddress: SOURCES[0] ?? "" });
      await stays.subscribe("news");
      process.kill((gateways[drained] as CarillonProcess).pid, "SIGTERM");
      await eventually(async () => expect((await fetch(`${gateways[drained]?.adminUrl}/readyz`)).status).toBe(503));
      // The balancer looks every second.
      await eventually(async () => expect(await gatewayOf(SOURCES[0] ?? "")).not.toBe(drained), { timeoutMs: 30_000 });
      const moved = await placesOf(SOURCES);
      expect(moved).not.toContain(drained);
      // Those of the others stay where they are, but for a few: by Maglev, and by a consistent hash.
      const kept = moved.filter((place, index) => place === places[index] && places[index] !== drained).length;
      const others = places.filter((place) => place !== drained).length;
      expect(kept).toBeGreaterThan(others * 0.8);

      const published = await fetch(`http://127.0.0.1:${ports.publish}/publish`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
        body: '{"channel":"news","event":"e","payload":1}',
      });
      expect(published.status).toBe(204);
      expect((await stays.events(1))[0]?.payload).toBe(1);
    } finally {
      await stop(running, 5_000);
    }
  });
});
