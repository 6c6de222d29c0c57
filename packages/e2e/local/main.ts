import { join } from "node:path";
import { parseArgs } from "node:util";
import { REPOSITORY } from "../image/files.ts";
import { ClusterError, LocalCluster, type Standing } from "./local-cluster.ts";

const USAGE = `make cluster [ARGS="--shift N"] starts it, make cluster-down ends it.`;

const say = (line: string) => process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { shift: { type: "string", default: "0" }, folder: { type: "string" } },
  });
  const folder = values.folder ?? join(REPOSITORY, "node_modules/.cache/carillon/cluster");
  const cluster = new LocalCluster(folder);
  if (positionals[0] === "down") {
    say((await cluster.down()) ? `The cluster has ended. What it logged is in ${cluster.logs}` : "No cluster is up.");
    return 0;
  }
  const shift = Number(values.shift);
  if (positionals[0] !== "up" || !Number.isInteger(shift) || shift < 0 || shift > 50_000) throw new ClusterError(USAGE);
  const standing = await cluster.up({ shift, onStep: (step) => process.stderr.write(`starting ${step} …\n`) });
  say(describe(standing));
  return 0;
}

function describe({ ports, secrets, logs, wasUp, hasPrometheus }: Standing): string {
  const local = (port: number) => `http://127.0.0.1:${port}`;
  return `${wasUp ? "The cluster is up already" : "The cluster is up"}: three gateways behind Envoy, a publisher, a webhook worker, three NATS servers.

  browsers      ws://127.0.0.1:${ports.webSocket}/ws    (Pusher clients: port ${ports.webSocket}, key app-key)
  publish API   ${local(ports.publish)}
  admin pages   ${[...ports.gateways, ports.publisher, ports.webhooks].map(({ admin }) => admin).join(", ")}   (/metrics, /readyz)
  NATS          ${ports.nats.map(({ port }) => port).join(", ")}   monitoring ${ports.nats.map(({ monitor }) => monitor).join(", ")}
  Envoy         ${local(ports.envoyAdmin)}/clusters
  Prometheus    ${hasPrometheus ? local(ports.prometheus) : "not on this machine"}
  logs          ${logs}

  curl -i ${local(ports.publish)}/publish -H 'content-type: application/json' -H 'x-publish-secret: ${secrets.publishSecret}' \\
    -d '{"channel":"orders-1","event":"order.created","payload":{"id":1}}'

  make cluster-down ends it.`;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof ClusterError) && !(error instanceof Error && "cause" in error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
