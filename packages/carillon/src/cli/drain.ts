import { setTimeout as pause } from "node:timers/promises";
import { BusUnavailableError, type ProxyDrainResult } from "@carillon/core";
import { connectNatsBus, type NatsBus } from "@carillon/nats";
import { canonicalAddress, loadConfig } from "@carillon/service";
import { type Command, InvalidArgumentError } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { natsOptions } from "../nats-options.ts";
import { explain, UsageError } from "./failures.ts";

interface DrainFlags {
  readonly via: readonly string[];
  readonly spread: number;
  readonly delay: number;
  readonly dryRun?: boolean;
  readonly onSigterm?: boolean;
  readonly config?: string;
  readonly nats?: string;
}

/** How long gateways have to answer, in ms. */
const ANSWER_MS = 2000;

/**
 * So long after all were asked they are looked for again, in ms. They wait up to a second before they come back, and take some time to: looked
 * for earlier, those who are led to the same proxy again would be missed.
 */
const ROUND_PAUSE_MS = 2000;

/** Who is still there is asked again, so many times, over so long each, in ms: somebody may have come just before the proxy was out of service. */
const LATER_ROUNDS = 5;
const LATER_SPREAD_MS = 2000;

/** How often, and how many times, a container that has just started tries whether it will be heard: all may be starting. */
const TRIAL_PAUSE_MS = 5000;
const TRIALS = 24;

/** How often a container tries to be heard when it is told to end. Connecting alone may take ten seconds each time. */
const ATTEMPTS = 10;
const ATTEMPT_PAUSE_MS = 2000;

const MAX_SECONDS = 3600;

/** Adds `carillon drain`: has the clients of a proxy come back through another one. */
export function addDrainCommand(program: Command): void {
  program
    .command("drain")
    .description("have everybody who came through a proxy come back through another one, before the proxy is stopped")
    .requiredOption(
      "--via <addresses>",
      "the addresses from which the proxy connects to gateways, with commas between",
      parseAddresses,
    )
    .option("--spread <seconds>", "over how long its clients are asked", parseDuration, 30)
    .option(
      "--delay <seconds>",
      "how long to wait before, for others to notice that it is out of service",
      parseDuration,
      0,
    )
    .option("--on-sigterm", "wait for SIGTERM, and begin then: for a container beside the proxy")
    .option("--dry-run", "only say how many there are")
    .option("--config <file>", "YAML or JSON configuration, of which nats is used (env: CARILLON_CONFIG)")
    .option("--nats <url>", "NATS servers, with commas between (env: CARILLON_NATS)")
    .action(async (flags: DrainFlags) => {
      if (flags.onSigterm === true) await untilTermination(flags);
      if (flags.dryRun !== true) await pause(flags.delay * 1000);
      const act = () => withBus(flags, (bus) => (flags.dryRun === true ? count(bus, flags) : drain(bus, flags)));
      process.exitCode = flags.onSigterm === true ? await patiently(act) : await act();
    });
}

/** Tries again while NATS is away: whoever ends with a node may have NATS among its neighbours. */
async function patiently(act: () => Promise<number>): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof BusUnavailableError)) throw error;
      warn(`${error.message}. It is tried again`);
    }
    await pause(ATTEMPT_PAUSE_MS);
  }
}

/** Resolves with the exit code. */
async function drain(bus: NatsBus, { via, spread }: DrainFlags): Promise<number> {
  const first = await ask(bus, via, spread * 1000);
  say(`${throughText(first.connections, via)}, on ${gatewaysText(first.gateways)}`);
  let last = first;
  let spreadMs = spread * 1000;
  for (let round = 0; round < LATER_ROUNDS && !isOver(last); round++) {
    say(`they are asked to come back, over ${spreadMs / 1000} seconds`);
    await pause(spreadMs + ROUND_PAUSE_MS);
    spreadMs = LATER_SPREAD_MS;
    last = await ask(bus, via, spreadMs);
    say(throughText(last.connections, via));
  }
  return verdict(last, via);
}

async function count(bus: NatsBus, { via }: DrainFlags): Promise<number> {
  const { connections, gateways, missing } = await ask(bus, via, null);
  say(`${throughText(connections, via)}, on ${gatewaysText(gateways)}`);
  return verdict({ connections: 0, gateways, missing }, via);
}

/** `spreadMs` null: they are counted, and nobody is asked. */
async function ask(bus: NatsBus, via: readonly string[], spreadMs: number | null): Promise<ProxyDrainResult> {
  const request = { via, spreadMs: spreadMs ?? 0, isDryRun: spreadMs === null };
  const result = await bus.proxyDrains.request(request, ANSWER_MS);
  if (result.gateways > 0) return result;
  throw new BusUnavailableError(
    "no gateway answered: look whether gateways run on this NATS, with the same nats.prefix, in this version or a newer one",
  );
}

function isOver({ connections, missing }: ProxyDrainResult): boolean {
  return connections === 0 && missing.length === 0;
}

function verdict({ connections, missing }: ProxyDrainResult, via: readonly string[]): number {
  if (missing.length > 0) {
    warn(`${gatewaysText(missing.length)} did not answer: who is connected there was not asked. Try again`);
  }
  if (connections > 0) {
    warn(
      `clients still come through ${via.join(", ")}: take it out of service first (load balancer, DNS), so that nobody is led to it`,
    );
  }
  return connections > 0 || missing.length > 0 ? EXIT_CODES.failure : EXIT_CODES.ok;
}

async function withBus(flags: DrainFlags, act: (bus: NatsBus) => Promise<number>): Promise<number> {
  const { config: file, nats } = flags;
  const overrides = nats === undefined ? {} : { nats };
  // As for `dev`: of the configuration only `nats` matters, so there need not be more in it.
  const source = file === undefined ? {} : { file };
  const config = await loadConfig({ role: "dev", env: process.env, overrides, ...source });
  if (config.nats.servers.length === 0) {
    throw new UsageError(
      "there is no NATS to ask on: give --nats nats://host:4222, or nats.servers in the configuration",
    );
  }
  const bus = await connectNatsBus(await natsOptions(config, { role: "proxy", tool: "drain" }));
  try {
    return await act(bus);
  } finally {
    await bus.close();
  }
}

/** Resolves at SIGTERM or SIGINT. Until then it tries whether it will be heard, so that a wrong configuration is seen before it matters. */
async function untilTermination(flags: DrainFlags): Promise<void> {
  const stop = new AbortController();
  const keepAlive = setInterval(() => undefined, MAX_SECONDS * 1000);
  const terminated = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
  void terminated.then(() => stop.abort());
  await Promise.race([tryOut(flags, stop.signal), terminated]);
  await terminated;
  clearInterval(keepAlive);
  say("it ends");
}

/** Never rejects. */
async function tryOut(flags: DrainFlags, stop: AbortSignal): Promise<void> {
  for (let trial = 1; !stop.aborted; trial++) {
    try {
      await withBus(flags, (bus) => count(bus, flags));
      return;
    } catch (error) {
      if (trial === TRIALS) {
        warn(`as it is now, clients will be cut when the proxy ends: ${explain(error)}`);
        return;
      }
    }
    await pause(TRIAL_PAUSE_MS, undefined, { signal: stop }).catch(() => undefined);
  }
}

function throughText(connections: number, via: readonly string[]): string {
  return `${connections} ${connections === 1 ? "connection comes" : "connections come"} through ${via.join(", ")}`;
}

function gatewaysText(count: number): string {
  return `${count} ${count === 1 ? "gateway" : "gateways"}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function warn(text: string): void {
  process.stderr.write(`carillon: ${text}\n`);
}

function parseAddresses(text: string): readonly string[] {
  return text.split(",").map((part) => {
    const address = canonicalAddress(part.trim());
    if (address !== null) return address;
    throw new InvalidArgumentError(
      `"${part.trim()}" is no IP address. Write those from which the proxy connects to gateways, such as 10.0.3.7; names are not looked up.`,
    );
  });
}

function parseDuration(text: string): number {
  const seconds = Number(/^(\d{1,4})s?$/.exec(text)?.[1] ?? Number.NaN);
  if (seconds <= MAX_SECONDS) return seconds;
  throw new InvalidArgumentError(`write a whole number of seconds, 0 to ${MAX_SECONDS}.`);
}
