import type { DeadLetter, WebhookQueue } from "@carillon/core";
import { connectNatsBus } from "@carillon/nats";
import { type Config, loadConfig } from "@carillon/service";
import { type Command, InvalidArgumentError } from "commander";
import { natsOptions } from "../nats-options.ts";
import { UsageError } from "./failures.ts";

interface QueueFlags {
  readonly config?: string;
  readonly nats?: string;
  readonly app?: string;
  readonly since?: number;
}

interface ReplayFlags extends QueueFlags {
  readonly dryRun?: boolean;
}

/** Letters that are read at a time. */
const PAGE = 500;

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Adds the tools for webhook events that were given up to `carillon webhooks`. */
export function addWebhookCommands(webhooks: Command): void {
  webhooks.enablePositionalOptions();
  withQueueFlags(webhooks.command("dead"))
    .description("list the webhook events that were given up, oldest first, one a line")
    .action((flags: QueueFlags) => withQueue(flags, listDead));
  withQueueFlags(webhooks.command("replay"))
    .description("queue webhook events that were given up again")
    .option("--dry-run", "only say which ones")
    .action((flags: ReplayFlags) => withQueue(flags, replayDead));
}

function withQueueFlags(command: Command): Command {
  return command
    .option("--config <file>", "YAML or JSON configuration (env: CARILLON_CONFIG)")
    .option("--nats <url>", "NATS servers, with commas between (env: CARILLON_NATS)")
    .option("--app <id>", "only of this app")
    .option("--since <time>", "only those given up since then: 2h (ago), or 2030-01-31T12:00:00Z", parseSince);
}

interface Work {
  readonly queue: WebhookQueue;
  readonly config: Config;
  readonly flags: ReplayFlags;
}

async function withQueue(flags: ReplayFlags, act: (work: Work) => Promise<void>): Promise<void> {
  const { config: file, nats } = flags;
  const overrides = nats === undefined ? {} : { nats };
  const config = await loadConfig({
    role: "webhooks",
    env: process.env,
    overrides,
    ...(file === undefined ? {} : { file }),
  });
  if (flags.app !== undefined && config.apps.every(({ id }) => id !== flags.app)) {
    throw new UsageError(
      `there is no app ${flags.app}: the configuration has ${config.apps.map(({ id }) => id).join(", ")}`,
    );
  }
  const bus = await connectNatsBus(await natsOptions(config, { role: "webhooks", tool: "webhooks-tool" }));
  try {
    await act({ queue: bus.webhooks, config, flags });
  } finally {
    await bus.close();
  }
}

async function listDead({ queue, config, flags }: Work): Promise<void> {
  for await (const letter of letters(queue, flags)) process.stdout.write(`${lineOf(letter, config)}\n`);
}

async function replayDead({ queue, config, flags }: Work): Promise<void> {
  let queued = 0;
  let skipped = 0;
  for await (const letter of letters(queue, flags)) {
    if (urlOf(letter, config) === null) {
      skipped++;
    } else if (flags.dryRun === true) {
      process.stdout.write(`${lineOf(letter, config)}\n`);
      queued++;
    } else if (await queue.revive(letter, Date.now())) {
      queued++;
    }
  }
  const left = skipped === 0 ? "" : `; ${skipped} left, as their endpoints are configured no more`;
  process.stdout.write(`${queued} ${flags.dryRun === true ? "would be queued" : "queued"} again${left}\n`);
}

/** Those that were given up before now: one that dies again while this runs is not taken twice. */
async function* letters(queue: WebhookQueue, { app, since = 0 }: QueueFlags): AsyncGenerator<DeadLetter> {
  const untilMs = Date.now();
  let after = 0;
  for (;;) {
    const page = await queue.dead({ after, limit: PAGE, ...(app === undefined ? {} : { appId: app }) });
    for (const letter of page) if (letter.deadAtMs >= since && letter.deadAtMs <= untilMs) yield letter;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.number;
  }
}

/** Columns with tabs between; what was in the event stays out. */
function lineOf(letter: DeadLetter, config: Config): string {
  const { entry, deadAtMs, reason, attempts } = letter;
  const { name, channel } = entry.event;
  const endpoint = urlOf(letter, config) ?? `(removed: ${entry.endpointId})`;
  return [new Date(deadAtMs).toISOString(), entry.appId, name, channel, entry.id, reason, attempts, endpoint].join(
    "\t",
  );
}

function urlOf({ entry }: DeadLetter, config: Config): string | null {
  const app = config.apps.find(({ id }) => id === entry.appId);
  return app?.webhooks.find(({ id }) => id === entry.endpointId)?.url ?? null;
}

function parseSince(text: string): number {
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = count === undefined ? Date.parse(text) : Date.now() - Number(count) * (UNIT_MS[unit] ?? 0);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError(
      "write how long ago, such as 90m, 2h or 3d, or a time such as 2030-01-31T12:00:00Z.",
    );
  return ms;
}
