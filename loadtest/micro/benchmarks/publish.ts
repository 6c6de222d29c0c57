import { createHash, createHmac } from "node:crypto";
import { assertDone, type Benchmark, type Work } from "../benchmark.ts";
import { startMemoryParts } from "../memory-parts.ts";
import type { MemoryCall, MemoryServer } from "../memory-server.ts";
import type { Packages } from "../packages.ts";
import { ORDERS } from "./orders.ts";

const BATCH = 10;

const encoder = new TextEncoder();

/** What one call costs the publisher, from its head to its answer: credentials, body, checks, envelope, bus. */
export const PUBLISH: readonly Benchmark[] = [
  { name: "publish/POST /publish", prepare: (packages) => prepareNative(packages, "/publish", eventOf) },
  {
    name: `publish/POST /publish/batch of ${BATCH}`,
    prepare: (packages) => prepareNative(packages, "/publish/batch", batchOf),
  },
  { name: "publish/POST Pusher's /events", prepare: (packages) => preparePusher(packages) },
];

interface MemoryPublisher {
  readonly server: MemoryServer;
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  readonly publishSecret: string;
}

async function startPublisher(packages: Packages): Promise<MemoryPublisher> {
  const { core, service, backbone, cluster, shared } = await startMemoryParts(packages, false);
  const { Publisher } = await packages.publisher();
  const { DEV_APP } = service;
  const { clock, server } = shared;
  await cluster.start();
  // It works by its routes; nobody has to hold on to it.
  new Publisher({
    ...shared,
    history: new core.MemoryHistory({ backbone, clock, ids: shared.ids }),
    rules: new service.ConfiguredChannelRules({ rules: [] }),
    control: new core.ClusterControl(cluster),
    blocks: new core.BlockControl({ store: new core.MemoryBlockStore({ clock }), cluster, clock }),
    apps: new service.ConfiguredApps({ settings: [DEV_APP] }),
    settings: { maxBodyBytes: 65_536 },
  });
  const { id: appId, key, secrets, publishSecret } = DEV_APP;
  return { server, appId, key, secret: secrets[0] ?? "", publishSecret: publishSecret ?? "" };
}

async function prepareNative(packages: Packages, path: string, bodyOf: (index: number) => unknown): Promise<Work> {
  const { server, publishSecret } = await startPublisher(packages);
  const headers = { "x-publish-secret": publishSecret, "content-type": "application/json" };
  const bodies = ORDERS.map((_, index) => encoder.encode(JSON.stringify(bodyOf(index))));
  const calls = bodies.map((body) => ({ path, query: "", headers, body }));
  return calling(server, path, calls);
}

async function preparePusher(packages: Packages): Promise<Work> {
  const { server, appId, key, secret } = await startPublisher(packages);
  const path = `/apps/${appId}/events`;
  const calls = ORDERS.map((order) => {
    const event = { name: "order.updated", channel: `orders-${order.id}`, data: JSON.stringify(order) };
    const body = encoder.encode(JSON.stringify(event));
    const parameters = [
      `auth_key=${key}`,
      `auth_timestamp=${Math.round(Date.now() / 1000)}`,
      "auth_version=1.0",
      `body_md5=${createHash("md5").update(body).digest("hex")}`,
    ].join("&");
    const signature = createHmac("sha256", secret).update(`POST\n${path}\n${parameters}`).digest("hex");
    return { path, query: `${parameters}&auth_signature=${signature}`, headers: {}, body };
  });
  return calling(server, "/apps/:id/events", calls);
}

function eventOf(index: number) {
  return { channel: `orders-${index}`, event: "order.updated", payload: ORDERS[index % ORDERS.length] };
}

function batchOf(index: number) {
  return { events: Array.from({ length: BATCH }, (_, at) => eventOf(index + at)) };
}

function calling(server: MemoryServer, pattern: string, calls: readonly MemoryCall[]): Work {
  return {
    async run(times) {
      let accepted = 0;
      for (let turn = 0; turn < times; turn++) {
        const { status } = await server.post(pattern, calls[turn % calls.length] as MemoryCall);
        if (status >= 200 && status < 300) accepted++;
      }
      assertDone(accepted, times, "calls were accepted");
    },
  };
}
