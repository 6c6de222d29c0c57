import type { CapacityPlan, ProcessPlan } from "./capacity-plan.ts";

const KIB = 1024;

/** A plan for a person to read: a table, and what to know beside it. */
export function planText(plan: CapacityPlan): string {
  const { gateways, publishers, nats, balancers } = plan;
  const rows = [
    ["", "processes", "cores each", "memory each", "and"],
    row(
      "gateway",
      gateways,
      `${count(gateways.connections)} connections each, ${count(gateways.connectionsWithOneGone)} with one gone`,
    ),
    row("publisher", publishers, ""),
    row("nats-server", nats, `${bytes(nats.diskBytes)} of disk each`),
    row("load balancer", balancers, `Envoy, ${count(balancers.openFiles)} open files each with one gone`),
  ];
  return `${table(rows)}\n${notes(plan)
    .map((note) => `${note}\n`)
    .join("")}`;
}

function row(name: string, { count: processes, cores, memoryBytes }: ProcessPlan, also: string): string[] {
  return [name, String(processes), cores === 0 ? "-" : cores.toFixed(2), bytes(memoryBytes), also];
}

function notes(plan: CapacityPlan): string[] {
  const { gateways, gatewaysPerEvent } = plan;
  const notes = [
    `Deliveries: ${count(plan.deliveriesPerSecond)}/s. An event is heard by ${gatewaysPerEvent.toFixed(1)} of ${gateways.count} gateways.`,
    `Network: ${bytes(plan.bytesPerSecondToClients)}/s to clients, ${bytes(plan.bytesPerSecondFromNats)}/s from NATS to gateways.`,
    `When a gateway dies, its clients take ${plan.secondsToTakeOverOneGateway.toFixed(1)} s of processor time of the others, all together.`,
    "Any one process of a kind may be gone. A gateway and a publisher use one core each; requests of memory are for the worst of it.",
  ];
  if (!plan.fitsOneCluster) {
    notes.push(
      "This is beyond one cluster of NATS: take the numbers for the reason. docs/sizing.md says how to go on from there.",
    );
  }
  return notes;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => String(cells[column]).length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  return rows.map((cells) => `${line(cells).trimEnd()}\n`).join("");
}

/** Digits in groups of three, as the other tables have them. */
function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log(Math.max(1, value)) / Math.log(KIB))));
  const scaled = value / KIB ** power;
  return `${scaled >= 10 || power === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}
