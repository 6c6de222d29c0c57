import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { rootCertificates } from "node:tls";
import { NatsTestCertificates } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readDockerfile } from "../image/dockerfile.ts";
import { REPOSITORY } from "../image/files.ts";
import { DEPLOY, outcomeOf, temporaryFolder, tool } from "./support/tools.ts";

const read = (file: string) => readFile(join(DEPLOY, file), "utf8");

/** A compose file with its variables filled in: `${NAME:-default}` by the default, others by a text. */
async function composeFile(): Promise<string> {
  return (await read("compose.yaml")).replaceAll(
    /\$\{\w+(?::-([^}]*)|:\?[^}]*)?\}/g,
    (_, value?: string) => value ?? "sabcdef",
  );
}

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly { readonly type: string; readonly source: string }[];
  readonly read_only?: boolean;
  readonly stop_grace_period?: string;
}

async function composeModel(): Promise<{ readonly services: Readonly<Record<string, Service>> }> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "compose.yaml");
  await writeFile(file, await composeFile());
  const args = ["-format", "json", "-no-path-resolution", file];
  const { code, output } = await outcomeOf(await tool("compose-go"), args, { cwd: folder.path });
  expect(output).toMatch(/^\{/);
  expect(code).toBe(0);
  return JSON.parse(output) as { services: Record<string, Service> };
}

describe("compose.yaml", () => {
  test("is one to Compose's own reader; every process of the cluster is in it, and each file that it mounts exists", async () => {
    const { services } = await composeModel();
    expect(Object.keys(services).sort()).toEqual([
      "envoy",
      "gateway-1",
      "gateway-2",
      "gateway-3",
      "grafana",
      "nats-1",
      "nats-2",
      "nats-3",
      "nats-exporter",
      "prometheus",
      "publisher",
      "webhooks",
    ]);
    const mounted = Object.values(services).flatMap(({ volumes = [] }) =>
      volumes.filter(({ type }) => type === "bind"),
    );
    expect(mounted.length).toBeGreaterThan(8);
    // What the chart's folder has is written elsewhere; its folders are there.
    for (const { source } of mounted) await expect(stat(resolve(DEPLOY, source)), source).resolves.toBeDefined();
  });

  test("what it asks the environment for is in .env.example", async () => {
    const wanted = [...(await read("compose.yaml")).matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    const offered = [...(await read(".env.example")).matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect(new Set(wanted)).toEqual(new Set(offered));
  });

  test("Carillon's processes run with a read-only root, and are given the time that a gateway takes to drain", async () => {
    const { services } = await composeModel();
    const { gateway } = parse(await read("carillon.yaml")) as Drained;
    for (const name of ["gateway-1", "gateway-2", "gateway-3", "publisher", "webhooks"]) {
      const service = services[name];
      expect(service?.read_only).toBe(true);
      expect(Number.parseInt(service?.stop_grace_period ?? "", 10)).toBeGreaterThanOrEqual(drainSeconds(gateway) + 10);
    }
  });
});

interface Scraping {
  readonly scrape_configs: readonly { readonly static_configs: readonly { readonly targets: readonly string[] }[] }[];
}

describe("what Prometheus reads", () => {
  const targets = async () => {
    const { scrape_configs } = parse(await read("prometheus/prometheus.yml")) as Scraping;
    return scrape_configs.flatMap(({ static_configs }) => static_configs.flatMap((each) => each.targets)).sort();
  };

  test("is every process of Carillon, and NATS's exporter", async () => {
    const { services } = await composeModel();
    const ours = Object.keys(services).filter((name) => /^gateway-|^publisher$|^webhooks$/.test(name));
    expect(await targets()).toEqual([...ours.map((name) => `${name}:9090`), "nats-exporter:7777"].sort());
  });

  test("of NATS is what the dashboards ask for, of each of its servers, on the port where they tell it", async () => {
    const { services } = await composeModel();
    const { image, command = [] } = services["nats-exporter"] ?? { image: "" };
    expect(image).toMatch(/:\d+\.\d+\.\d+$/);
    const servers = Object.keys(services).filter((name) => /^nats-\d$/.test(name));
    expect(servers).toHaveLength(3);
    const told = servers.map((name) => `${name},http://${name}:8222`);
    expect(command).toEqual(["-varz", "-jsz=all", "-prefix=nats", "-port=7777", ...told]);
    expect(servers.map((name) => services[name]?.environment?.["NATS_MONITOR"])).toEqual(
      servers.map(() => "0.0.0.0:8222"),
    );
    const dashboards = join(REPOSITORY, "helm/carillon/files/dashboards/nats.json");
    const names = [...(await readFile(dashboards, "utf8")).matchAll(/__name__=~\\"([^"\\]+)/g)].map(
      ([, name]) => name ?? "",
    );
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) expect(name).toMatch(/\bnats\b/);
  });
});

interface Drained {
  readonly gateway: { readonly drain: { readonly delaySeconds: number; readonly spreadSeconds: number } };
}

const drainSeconds = ({ drain }: Drained["gateway"]) => drain.delaySeconds + drain.spreadSeconds;

describe("configurations", () => {
  const env = {
    APP_SECRET: "s".repeat(32),
    PUBLISH_SECRET: "p".repeat(32),
    NATS_USER: "gateway",
    NATS_PASSWORD: "n".repeat(32),
  };

  test.each(["carillon.yaml", "systemd/carillon.yaml"])(
    "%s is accepted by carillon doctor, for every role",
    async (file) => {
      await using folder = await temporaryFolder();
      const text = (await read(file)).replace("/etc/carillon/nats-ca.pem", join(folder.path, "ca.pem"));
      await writeFile(join(folder.path, "carillon.yaml"), text);
      await writeFile(join(folder.path, "ca.pem"), rootCertificates[0] ?? "");
      for (const role of ["gateway", "publisher", "webhooks"]) {
        const bin = join(REPOSITORY, "packages/carillon/bin/carillon.js");
        // It looks for NATS too, and finds none: what counts is what it says of the configuration.
        const nats = { CARILLON_NATS: "nats://127.0.0.1:9" };
        const args = [bin, "doctor", "--role", role, "--config", join(folder.path, "carillon.yaml")];
        const { code } = await outcomeOf(process.execPath, args, { env: { ...env, ...nats } });
        // 78: the configuration is wrong.
        expect(code).not.toBe(78);
      }
    },
  );

  test("envoy.yaml is accepted by Envoy", async () => {
    const args = ["--mode", "validate", "--config-path", join(DEPLOY, "envoy/envoy.yaml")];
    expect(await outcomeOf(await tool("envoy"), args)).toMatchObject({ code: 0 });
  });

  test("haproxy.cfg is accepted by HAProxy", async () => {
    await using folder = await temporaryFolder();
    // HAProxy looks every name up when it reads it.
    const text = (await read("haproxy/haproxy.cfg")).replaceAll(/ (?:gateway-\d|publisher):/g, " 127.0.0.1:");
    await writeFile(join(folder.path, "haproxy.cfg"), text);
    const { code, output } = await outcomeOf(await tool("haproxy"), ["-c", "-f", join(folder.path, "haproxy.cfg")]);
    expect(output).not.toMatch(/ALERT|WARNING/);
    expect(code).toBe(0);
  });

  test("prometheus.yml is accepted by promtool", async () => {
    const args = ["check", "config", join(DEPLOY, "prometheus/prometheus.yml")];
    expect(await outcomeOf(await tool("prometheus", "promtool"), args)).toMatchObject({ code: 0 });
  });

  test.each(["nats.conf", "nats-tls.conf"])("%s is accepted by nats-server", async (file) => {
    await using certificates = await NatsTestCertificates.create();
    const names = ["GATEWAY", "PUBLISHER", "WEBHOOKS", "PROXY", "ADMIN", "SYSTEM"];
    const passwords = Object.fromEntries(names.map((name) => [`NATS_${name}_PASSWORD`, "sabcdef"]));
    const { code, output } = await outcomeOf(await tool("nats-server"), ["-t", "-c", join(DEPLOY, "nats", file)], {
      env: {
        NATS_NAME: "nats-1",
        NATS_LISTEN: "127.0.0.1:4222",
        NATS_MONITOR: "127.0.0.1:8222",
        NATS_STORE: "/nowhere",
        NATS_CLUSTER_LISTEN: "127.0.0.1:6222",
        NATS_ROUTES: "[nats-route://127.0.0.1:6223]",
        NATS_TLS_CA: certificates.caFile,
        NATS_TLS_CERT: certificates.server.certFile,
        NATS_TLS_KEY: certificates.server.keyFile,
        ...passwords,
      },
    });
    expect(output).toContain("is valid");
    expect(code).toBe(0);
  });

  test("a gateway's unit gives it the time that it takes to drain", async () => {
    const { gateway } = parse(await read("systemd/carillon.yaml")) as Drained;
    const timeout = Number(/^TimeoutStopSec=(\d+)$/m.exec(await read("systemd/carillon@.service"))?.[1]);
    expect(timeout).toBeGreaterThanOrEqual(drainSeconds(gateway) + 15);
  });
});

const hasSystemd = (await outcomeOf("sh", ["-c", "command -v systemd-analyze"])).code === 0;

// Where there is no systemd there is nothing that could check its units.
describe.skipIf(!hasSystemd)("systemd units", () => {
  test("are accepted by systemd, and confine Carillon", async () => {
    await using folder = await temporaryFolder();
    await cp(join(DEPLOY, "systemd"), folder.path, { recursive: true });
    const names = (await readdir(folder.path)).filter((name) => name.endsWith(".service"));
    const units = [];
    for (const name of names) {
      const text = await readFile(join(folder.path, name), "utf8");
      // It looks whether the program is there.
      const here = text.replace("/usr/bin/node", process.execPath).replace("/usr/bin/nats-server", process.execPath);
      const instance = join(folder.path, name.replace("@.", "@gateway."));
      await writeFile(instance, here);
      units.push(instance);
    }
    expect(units).toHaveLength(2);
    const verdict = await outcomeOf("systemd-analyze", ["verify", "--man=no", ...units]);
    expect(verdict).toEqual({ code: 0, output: "" });
    // Of 10, which is no confinement at all.
    const gateway = units.find((unit) => unit.includes("@gateway")) ?? "";
    const exposure = ["security", "--offline=true", "--threshold=20", gateway];
    expect(await outcomeOf("systemd-analyze", exposure)).toMatchObject({ code: 0 });
  });
});

describe("Dockerfile", () => {
  test("hadolint has nothing to say", async () => {
    expect(await outcomeOf(await tool("hadolint"), ["Dockerfile"])).toEqual({ code: 0, output: "" });
  });

  test("the image runs as a user without rights, in no shell, and nothing is run while it is made of the target's parts", async () => {
    const stages = readDockerfile(await read("Dockerfile"));
    const steps = stages.at(-1)?.steps ?? [];
    expect(steps.filter(({ kind }) => kind === "run")).toEqual([]);
    expect(steps.filter(({ kind }) => kind === "user")).toEqual([{ kind: "user", value: "10001:10001" }]);
    expect(steps.filter(({ kind }) => kind === "entrypoint" || kind === "command")).toEqual([
      { kind: "entrypoint", words: ["node", "/app/node_modules/carillon/bin/carillon.js"] },
      { kind: "command", words: ["gateway"] },
    ]);
  });
});
