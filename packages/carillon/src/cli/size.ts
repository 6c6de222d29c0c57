import { type Command, InvalidArgumentError, Option } from "commander";
import { planCapacity } from "../size/capacity-plan.ts";
import { planText } from "../size/plan-text.ts";
import { UsageError } from "./failures.ts";

interface SizeFlags {
  readonly connections: number;
  readonly ownChannels: number;
  readonly rate: number;
  readonly subscribers: number;
  readonly payload: number;
  readonly kept: number;
  readonly keptEvents: number;
  readonly perGateway: number;
  readonly format: "table" | "json";
}

/** Adds `carillon size`: how many processes of which size a workload needs. */
export function addSizeCommand(program: Command): void {
  program
    .command("size")
    .description("say how many processes of which size a workload needs, by measured costs (docs/sizing.md)")
    .requiredOption("--connections <n>", "connections at the busiest time, such as 50k", parsePositive)
    .option("--rate <n>", "events published in a second, at the busiest time", parseCount, 100)
    .option("--subscribers <n>", "connections that get one event, on average", parseCount, 1)
    .option("--own-channels <n>", "channels that each connection has for itself", parseCount, 1)
    .option("--payload <bytes>", "bytes of one payload", parseCount, 200)
    .option("--kept <percent>", "of the events, those on channels with a history", parsePercent, 0)
    .option("--kept-events <n>", "events that all histories hold together", parseCount, 0)
    .option("--per-gateway <n>", "most connections of one gateway, with one gateway gone", parsePositive, 20_000)
    .addOption(new Option("--format <format>", "table or json").choices(["table", "json"]).default("table"))
    .action((flags: SizeFlags) => {
      const { connections, ownChannels, payload, kept, keptEvents } = flags;
      if (keptEvents > 0 && kept === 0) {
        throw new UsageError("--kept-events without --kept: say what percentage of the events is kept");
      }
      if (flags.subscribers > connections) {
        throw new UsageError(
          `--subscribers ${flags.subscribers} with --connections ${connections}: an event reaches no more than there are`,
        );
      }
      const plan = planCapacity({
        connections,
        ownChannels,
        eventsPerSecond: flags.rate,
        subscribersPerEvent: flags.subscribers,
        payloadBytes: payload,
        keptShare: kept / 100,
        keptEvents,
        connectionsPerGateway: flags.perGateway,
      });
      process.stdout.write(flags.format === "json" ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
    });
}

const MULTIPLES = { "": 1, k: 1000, m: 1_000_000 } as const;

function parseCount(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([km]?)$/.exec(text.toLowerCase());
  if (match !== null) return Number(match[1]) * MULTIPLES[match[2] as keyof typeof MULTIPLES];
  throw new InvalidArgumentError("write a number, such as 50000, 50k or 1.5M.");
}

function parsePositive(text: string): number {
  const value = parseCount(text);
  if (value >= 1) return value;
  throw new InvalidArgumentError("write a number from 1 on.");
}

function parsePercent(text: string): number {
  const percent = Number(text);
  if (text.trim() !== "" && percent >= 0 && percent <= 100) return percent;
  throw new InvalidArgumentError("write a percentage, from 0 to 100.");
}
