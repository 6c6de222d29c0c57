import { createServer } from "node:net";
import { connectNatsBus } from "@carillon/nats";
import {
  type Config,
  type ConfigRole,
  checkUwsBinary,
  formatConfigProblem,
  type ListenAddress,
  loadConfig,
  openFileLimit,
} from "@carillon/service";
import { EXIT_CODES } from "../exit-codes.ts";
import { natsOptions } from "../nats-options.ts";
import { NatsSecrets } from "../nats-secrets.ts";
import { connectionsThatFit } from "../parts.ts";
import { jetStreamFindings, usesOf } from "./doctor-jetstream.ts";
import type { Finding } from "./finding.ts";
import type { ServerFlags } from "./main.ts";
import { loadOptions } from "./serve.ts";

const MARKS = { good: "ok  ", warning: "note", bad: "BAD " } as const;

/** A gateway that is to hold many connections wants at least this many open files. */
const ROOMY_FILE_LIMIT = 10_000;

const NODE_MAJORS = { min: 20, tested: [20, 22, 24] } as const;

/**
 * Checks what a process of this role would need here, prints a line for each thing, and resolves with the exit code: 0 when it
 * would start, else that of the first thing that would keep it from starting.
 */
export async function doctor(role: ConfigRole, flags: ServerFlags): Promise<number> {
  const findings: Finding[] = [checkNode(), checkBinary(), checkFiles()];
  const codes: number[] = findings.some(({ verdict }) => verdict === "bad") ? [EXIT_CODES.failure] : [];
  const config = await checkConfig(role, flags, findings);
  if (config === null) {
    codes.unshift(EXIT_CODES.config);
  } else {
    const ports = await checkPorts(role, config);
    const nats = await checkNats(role, config);
    findings.push(...ports, ...nats);
    if (nats.some(({ verdict }) => verdict === "bad")) codes.unshift(EXIT_CODES.unavailable);
    if (ports.some(({ verdict }) => verdict === "bad")) codes.unshift(EXIT_CODES.system);
  }
  for (const { verdict, subject, detail } of findings) {
    process.stdout.write(
      `${MARKS[verdict]}  ${subject.padEnd(14)} ${detail.replaceAll("\n", `\n${" ".repeat(21)}`)}\n`,
    );
  }
  return codes[0] ?? EXIT_CODES.ok;
}

function checkNode(): Finding {
  const subject = "Node.js";
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MAJORS.min) {
    return {
      verdict: "bad",
      subject,
      detail: `${process.version}: install Node 20.19 or newer (24 is what the image ships)`,
    };
  }
  const isTested = NODE_MAJORS.tested.some((tested) => tested === major);
  return isTested
    ? { verdict: "good", subject, detail: process.version }
    : {
        verdict: "warning",
        subject,
        detail: `${process.version}: Carillon is tested with ${NODE_MAJORS.tested.join(", ")}`,
      };
}

function checkBinary(): Finding {
  const check = checkUwsBinary();
  const verdict = { pinned: "good", unlisted: "warning", differs: "bad", unavailable: "bad" } as const;
  return { verdict: verdict[check.kind], subject: "server binary", detail: check.message };
}

function checkFiles(): Finding {
  const subject = "open files";
  const limit = openFileLimit();
  if (limit === null)
    return { verdict: "warning", subject, detail: "this system doesn't tell its limit: look at `ulimit -n`" };
  const detail = `limit ${limit}: room for ${connectionsThatFit()} connections in a process`;
  return limit >= ROOMY_FILE_LIMIT
    ? { verdict: "good", subject, detail }
    : { verdict: "warning", subject, detail: `${detail}; raise it (ulimit -n, LimitNOFILE=) where more are to come` };
}

async function checkConfig(role: ConfigRole, flags: ServerFlags, findings: Finding[]): Promise<Config | null> {
  const subject = "configuration";
  try {
    const config = await loadConfig(loadOptions(role, flags));
    // What a server says of the files of its credentials it says as it reads its configuration.
    await NatsSecrets.read(config.nats);
    const files = config.files.length === 0 ? "no file" : config.files.join(", ");
    findings.push({
      verdict: "good",
      subject,
      detail: `${files}; apps: ${config.apps.map((app) => app.id).join(", ")}`,
    });
    for (const warning of config.warnings) {
      findings.push({ verdict: "warning", subject, detail: formatConfigProblem(warning) });
    }
    return config;
  } catch (error) {
    findings.push({ verdict: "bad", subject, detail: error instanceof Error ? error.message : String(error) });
    return null;
  }
}

async function checkPorts(role: ConfigRole, config: Config): Promise<Finding[]> {
  const { admin, gateway, publisher } = config;
  // Each worker has an admin port of its own, behind that of the first.
  const count = role === "gateway" && admin.port !== 0 ? gateway.workers : 1;
  const admins = Array.from({ length: count }, (_, index) => ({ host: admin.host, port: admin.port + index }));
  const served = role === "webhooks" ? [] : [await checkPort("port", role === "publisher" ? publisher : gateway)];
  return [...served, ...(await Promise.all(admins.map((address) => checkPort("admin port", address))))];
}

async function checkPort(subject: string, { host, port }: ListenAddress): Promise<Finding> {
  const error = await tryToListen({ host, port });
  if (error === null) return { verdict: "good", subject, detail: `${host}:${port} is free` };
  const advice =
    error === "EADDRINUSE"
      ? "another process has it: end that one (`ss -ltnp` names it), or choose another port"
      : `it can't be listened on (${error}): choose another address`;
  return { verdict: "bad", subject, detail: `${host}:${port}: ${advice}` };
}

function tryToListen({ host, port }: ListenAddress): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

async function checkNats(role: ConfigRole, config: Config): Promise<readonly Finding[]> {
  const subject = "NATS";
  const { servers } = config.nats;
  if (servers.length === 0) {
    if (role === "dev") return [{ verdict: "good", subject, detail: "none: the in-process bus is used" }];
    const who = role === "webhooks" ? "a webhook worker" : `a ${role}`;
    const detail = `${who} needs NATS: give --nats nats://host:4222, or nats.servers in the configuration`;
    return [{ verdict: "bad", subject, detail }];
  }
  try {
    const bus = await connectNatsBus({
      ...(await natsOptions(config, { role, tool: `doctor-${role}` })),
      connectTimeoutMs: 0,
    });
    const report = await bus.reportJetStream(usesOf(role, config));
    await bus.close();
    return [
      { verdict: "good", subject, detail: `connected to ${servers.join(", ")}` },
      ...jetStreamFindings(report, role),
    ];
  } catch (error) {
    return [{ verdict: "bad", subject, detail: error instanceof Error ? error.message : String(error) }];
  }
}
