import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { eventually, NativeClient } from "@carillon/testkit";
import { expect, test } from "vitest";
import { LocalCluster } from "../local/local-cluster.ts";
import { portsOf } from "../local/topology.ts";
import { freeShift, takenPorts } from "./support/free-shift.ts";
import { temporaryFolder } from "./support/tools.ts";

test("make cluster › up, publish and receive through Envoy, a gateway is killed, still works; down leaves nothing", async () => {
  await using folder = await temporaryFolder();
  const shift = await freeShift();
  const cluster = new LocalCluster(folder.path);
  try {
    const { ports, secrets, wasUp } = await cluster.up({ shift });
    expect(wasUp).toBe(false);
    const publish = (payload: number) =>
      fetch(`http://127.0.0.1:${ports.publish}/publish`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-publish-secret": secrets.publishSecret },
        body: JSON.stringify({ channel: "orders-1", event: "e", payload }),
      });
    const connect = async () => {
      const client = await NativeClient.open(`ws://127.0.0.1:${ports.webSocket}/ws`);
      await client.subscribe("orders-1");
      return client;
    };
    const client = await connect();
    expect((await publish(1)).status).toBe(204);
    expect((await client.events(1))[0]?.payload).toBe(1);

    // Which one has the client is Envoy's choice: two go, and whatever it was, one is left.
    await cluster.signal("gateway-1", "SIGKILL");
    await cluster.signal("gateway-2", "SIGKILL");
    await eventually(
      async () => {
        const again = await connect();
        try {
          expect((await publish(2)).status).toBe(204);
          expect((await again.events(1))[0]?.payload).toBe(2);
        } finally {
          again.terminate();
        }
      },
      { timeoutMs: 60_000 },
    );
    client.terminate();
    await expect(cluster.up({ shift })).rejects.toThrow(/gateway-1, gateway-2 ended/);
  } finally {
    expect(await cluster.down()).toBe(true);
  }
  expect(await takenPorts(portsOf(shift))).toEqual([]);
  expect(await cluster.down()).toBe(false);
  // What was logged is still there.
  expect(await readFile(join(folder.path, "logs/gateway-3.log"), "utf8")).not.toBe("");
});

test("make cluster › a port that is taken is named, with what to do, and nothing is left running", async () => {
  await using folder = await temporaryFolder();
  const shift = await freeShift();
  const { webSocket } = portsOf(shift);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(webSocket, "127.0.0.1", resolve));
  try {
    const up = new LocalCluster(folder.path).up({ shift });
    await expect(up).rejects.toThrow(new RegExp(`${webSocket} \\(for Envoy, for clients\\).*--shift`));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
  expect(await takenPorts(portsOf(shift))).toEqual([]);
});
