import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { REPOSITORY } from "../image/files.ts";
import { renderEnvoy, renderText } from "./render.ts";
import type { Ports } from "./topology.ts";

const run = promisify(execFile);
const DEPLOY = join(REPOSITORY, "deploy");

/** A process of the cluster: how it is started, and the page that answers 200 once it is ready. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly readyUrl: string;
}

/** What is secret in a cluster. Made up anew for each. */
export interface Secrets {
  readonly appSecret: string;
  readonly publishSecret: string;
  readonly nats: Readonly<Record<NatsUser, string>>;
}

/** The users of deploy/nats/accounts.conf. */
export type NatsUser = "gateway" | "publisher" | "webhooks" | "proxy" | "admin" | "system";

/** Begins with a letter: nats-server would read digits alone as a number. */
const password = () => `s${randomBytes(20).toString("hex")}`;

export function makeSecrets(): Secrets {
  const nats = {
    gateway: password(),
    publisher: password(),
    webhooks: password(),
    proxy: password(),
    admin: password(),
    system: password(),
  };
  return { appSecret: password(), publishSecret: password(), nats };
}

/** The path of a program that the cluster runs; fetches it where it is missing. Rejects with what to do. */
export async function findTool(tool: "nats-server" | "envoy" | "prometheus" | "haproxy"): Promise<string> {
  const script = join(REPOSITORY, `packages/testkit/tools/ensure-${tool}.mjs`);
  const { stdout } = await run(process.execPath, [script]).catch((cause: { readonly stderr?: string }) => {
    throw new Error(cause.stderr?.trim() ?? `${tool} can't be had`, { cause });
  });
  return stdout.trim();
}

/** What of the NATS servers may differ from compose.yaml. */
export interface NatsSetup {
  /** One of deploy/nats; default `nats.conf`. */
  readonly config?: string;
  /** More for their environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The three nats-servers, with a configuration of deploy/nats. */
export async function natsPrograms(
  folder: string,
  ports: Ports,
  { secrets, config = "nats.conf", env = {} }: NatsSetup & { readonly secrets: Secrets },
): Promise<Program[]> {
  const binary = await findTool("nats-server");
  const routes = ports.nats.map(({ route }) => `nats-route://127.0.0.1:${route}`).join(", ");
  return ports.nats.map(({ name, port, monitor, route }) => ({
    name,
    command: [binary, "--config", join(DEPLOY, "nats", config)],
    env: {
      NATS_NAME: name,
      NATS_LISTEN: `127.0.0.1:${port}`,
      NATS_MONITOR: `127.0.0.1:${monitor}`,
      NATS_STORE: join(folder, "store", name),
      NATS_CLUSTER_LISTEN: `127.0.0.1:${route}`,
      NATS_ROUTES: `[${routes}]`,
      ...natsPasswords(secrets),
      ...env,
    },
    readyUrl: `http://127.0.0.1:${monitor}/healthz`,
  }));
}

/** The passwords, by the names that accounts.conf asks the environment for. */
export function natsPasswords({ nats }: Secrets): Record<string, string> {
  return Object.fromEntries(
    Object.entries(nats).map(([user, value]) => [`NATS_${user.toUpperCase()}_PASSWORD`, value]),
  );
}

/** What tells Prometheus of the three: a stand-in for the exporter of compose.yaml. */
export function natsExporterProgram(ports: Ports): Program {
  const script = join(REPOSITORY, "packages/e2e/dist/local/nats-exporter-process.js");
  const servers = ports.nats.map(({ name, monitor }) => `${name},http://127.0.0.1:${monitor}`);
  return {
    name: "nats-exporter",
    command: [process.execPath, script, String(ports.natsExporter), ...servers],
    env: {},
    readyUrl: `http://127.0.0.1:${ports.natsExporter}/metrics`,
  };
}

/** Gateways, publisher and webhook worker, with the credentials of their roles. `config`: their file; default deploy/carillon.yaml. */
export function carillonPrograms(
  ports: Ports,
  secrets: Secrets,
  config: string = join(DEPLOY, "carillon.yaml"),
): Program[] {
  const servers = ports.nats.map(({ port }) => `nats://127.0.0.1:${port}`).join(",");
  const program = (
    name: string,
    role: "gateway" | "publisher" | "webhooks",
    admin: number,
    port?: number,
  ): Program => ({
    name,
    command: [process.execPath, join(REPOSITORY, "packages/carillon/bin/carillon.js"), role],
    env: {
      CARILLON_CONFIG: config,
      CARILLON_HOST: "127.0.0.1",
      ...(port === undefined ? {} : { CARILLON_PORT: String(port) }),
      CARILLON_ADMIN_HOST: "127.0.0.1",
      CARILLON_ADMIN_PORT: String(admin),
      CARILLON_NATS: servers,
      CARILLON_NATS_CREDENTIALS_USER: role,
      CARILLON_NATS_CREDENTIALS_PASSWORD: secrets.nats[role],
      APP_SECRET: secrets.appSecret,
      PUBLISH_SECRET: secrets.publishSecret,
    },
    readyUrl: `http://127.0.0.1:${admin}/readyz`,
  });
  return [
    ...ports.gateways.map(({ name, port, admin }) => program(name, "gateway", admin, port)),
    program("publisher", "publisher", ports.publisher.admin, ports.publisher.port),
    program("webhooks", "webhooks", ports.webhooks.admin),
  ];
}

/** Envoy with deploy/envoy/envoy.yaml. */
export async function envoyProgram(folder: string, ports: Ports): Promise<Program> {
  const file = join(folder, "envoy.yaml");
  await writeFile(file, await renderEnvoy(join(DEPLOY, "envoy/envoy.yaml"), ports));
  const flags = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warn"];
  return {
    name: "envoy",
    command: [await findTool("envoy"), "--config-path", file, ...flags],
    env: {},
    readyUrl: `http://127.0.0.1:${ports.envoyAdmin}/ready`,
  };
}

/** Prometheus with deploy/prometheus/prometheus.yml and the chart's rules. */
export async function prometheusProgram(folder: string, ports: Ports): Promise<Program> {
  const config = join(folder, "prometheus.yml");
  await mkdir(join(folder, "rules"), { recursive: true });
  const text = await renderText(join(DEPLOY, "prometheus/prometheus.yml"), ports);
  await writeFile(config, text.replace("rules/*", join(REPOSITORY, "helm/carillon/files/alerts/*")));
  const flags = [
    `--web.listen-address=127.0.0.1:${ports.prometheus}`,
    `--storage.tsdb.path=${join(folder, "prometheus")}`,
  ];
  return {
    name: "prometheus",
    command: [await findTool("prometheus"), `--config.file=${config}`, ...flags, "--log.level=warn"],
    env: {},
    readyUrl: `http://127.0.0.1:${ports.prometheus}/-/ready`,
  };
}
