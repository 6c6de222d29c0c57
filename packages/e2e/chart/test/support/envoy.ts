import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, NatsTestCertificates } from "@carillon/testkit";
import { expect } from "vitest";
import { type Outcome, run } from "../../../test/support/run.ts";
import { ensured } from "./tools.ts";

/** Whatever has the files of ConfigMaps. */
interface Files {
  file(configMap: string, name: string): string;
}

/** Lets Envoy check its configuration, with a certificate where it wants one. */
export async function validate(chart: Files, configMap: string): Promise<Outcome> {
  await using mounted = await mount(chart, configMap, (text) => text);
  return await run(ensured("envoy"), ["--mode", "validate", "--log-level", "warning", "--config-path", mounted.file]);
}

/** Where the gateway stands that the name in the configuration is replaced with. */
interface Behind {
  readonly gateway: string;
  readonly admin: string;
}

/** Envoy as the chart configures it, on free ports, in front of one gateway. */
export class RunningEnvoy {
  readonly clientPort: string;
  readonly statusUrl: string;
  readonly #child: ChildProcess;
  readonly #mounted: AsyncDisposable;

  private constructor(child: ChildProcess, mounted: AsyncDisposable, ports: Record<"clients" | "status", string>) {
    this.#child = child;
    this.#mounted = mounted;
    this.clientPort = ports.clients;
    this.statusUrl = `http://127.0.0.1:${ports.status}`;
  }

  /** Starts it, and waits until it says that it is ready. */
  static async start(chart: Files, { gateway, admin }: Behind): Promise<RunningEnvoy> {
    const ports = { clients: await freePort(), status: await freePort(), admin: await freePort() };
    const mounted = await mount(chart, "carillon-envoy", (text) =>
      text
        .replaceAll("port_value: 8000 ", `port_value: ${ports.clients} `)
        .replaceAll("port_value: 9902 ", `port_value: ${ports.status} `)
        .replaceAll("port_value: 9901 ", `port_value: ${ports.admin} `)
        .replace(/address: carillon-gateway-headless\S+/, "address: localhost")
        .replace("port_value: 8080\n", `port_value: ${new URL(gateway).port}\n`)
        .replace("port_value: 9090 ", `port_value: ${new URL(admin).port} `),
    );
    const args = [
      "--config-path",
      mounted.file,
      "--disable-hot-restart",
      "--concurrency",
      "1",
      "--log-level",
      "warning",
    ];
    const child = spawn(ensured("envoy"), args, { stdio: ["ignore", "ignore", 2] });
    const running = new RunningEnvoy(child, mounted, ports);
    try {
      await eventually(async () => expect((await fetch(`${running.statusUrl}/ready`)).status).toBe(200), {
        timeoutMs: 20_000,
      });
    } catch (error) {
      await running[Symbol.asyncDispose]();
      throw error;
    }
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    await this.#mounted[Symbol.asyncDispose]();
  }
}

/** Writes the configuration into a folder, with a certificate, and leads it there in place of where a pod has them. */
async function mount(
  chart: Files,
  configMap: string,
  change: (text: string) => string,
): Promise<AsyncDisposable & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-envoy-"));
  const text = change(chart.file(configMap, "envoy.yaml"));
  const here = (original: string) => original.replaceAll("/etc/envoy", join(folder, "envoy"));
  await mkdir(join(folder, "envoy-tls"));
  await mkdir(join(folder, "envoy"));
  if (text.includes("/etc/envoy/certificate.yaml")) {
    await using certificates = await NatsTestCertificates.create();
    const { certFile, keyFile } = certificates.server;
    await writeFile(join(folder, "envoy-tls/tls.crt"), await readFile(certFile));
    await writeFile(join(folder, "envoy-tls/tls.key"), await readFile(keyFile));
    await writeFile(join(folder, "envoy/certificate.yaml"), here(chart.file(configMap, "certificate.yaml")));
  }
  const file = join(folder, "envoy/envoy.yaml");
  await writeFile(file, here(text));
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** A port that nobody has. Envoy tells of ports that it chose only on its administration's, which would have to be known. */
async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return String(typeof address === "object" && address !== null ? address.port : 0);
}
