import { mkdir } from "node:fs/promises";
import { eventually, NatsTestCertificates } from "@carillon/testkit";
import { type Started, start, stop } from "../../local/processes.ts";
import { makeSecrets, natsPrograms, type Secrets } from "../../local/programs.ts";
import { type Ports, portsOf } from "../../local/topology.ts";
import { freeShift } from "./free-shift.ts";
import { temporaryFolder } from "./tools.ts";

/** Three nats-servers as in production: deploy/nats/nats-tls.conf, with certificates of their own. */
export class NatsInProduction {
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly certificates: NatsTestCertificates;
  readonly #closing: readonly (() => Promise<void>)[];

  private constructor(
    parts: Pick<NatsInProduction, "ports" | "secrets" | "certificates">,
    closing: readonly (() => Promise<void>)[],
  ) {
    this.ports = parts.ports;
    this.secrets = parts.secrets;
    this.certificates = parts.certificates;
    this.#closing = closing;
  }

  static async start(): Promise<NatsInProduction> {
    const certificates = await NatsTestCertificates.create();
    const folder = await temporaryFolder();
    await mkdir(`${folder.path}/logs`);
    const [ports, secrets] = [portsOf(await freeShift()), makeSecrets()];
    const env = {
      NATS_TLS_CA: certificates.caFile,
      NATS_TLS_CERT: certificates.server.certFile,
      NATS_TLS_KEY: certificates.server.keyFile,
    };
    const programs = await natsPrograms(folder.path, ports, { secrets, config: "nats-tls.conf", env });
    const started: Started[] = [];
    for (const program of programs) started.push(await start(program, `${folder.path}/logs`));
    const cluster = new NatsInProduction({ ports, secrets, certificates }, [
      () => stopAll(started),
      async () => folder[Symbol.asyncDispose](),
      () => certificates[Symbol.asyncDispose](),
    ]);
    const isReady = async (url: string) => {
      if (!(await fetch(url)).ok) throw new Error(`${url} says that it is not ready`);
    };
    try {
      for (const { readyUrl } of programs) await eventually(() => isReady(readyUrl), { timeoutMs: 60_000 });
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** What a process of a role is configured with. */
  configFor(role: "gateway" | "publisher" | "webhooks" | "proxy"): string {
    return JSON.stringify({
      servers: this.ports.nats.map(({ port }) => `tls://127.0.0.1:${port}`),
      credentials: { user: role, password: this.secrets.nats[role] },
      tls: { caFile: this.certificates.caFile },
      idempotency: { replicas: 3 },
      history: { replicas: 3 },
      webhooks: { replicas: 3 },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing) await close();
  }
}

async function stopAll(started: readonly Started[]): Promise<void> {
  await Promise.all(started.map((each) => stop(each, 20_000)));
}
