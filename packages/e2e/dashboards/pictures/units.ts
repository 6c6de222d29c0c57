const SECONDS = [
  [1e-6, "µs"],
  [1e-3, "ms"],
  [1, "s"],
  [60, "min"],
  [3600, "h"],
] as const;
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB"];
const DECIMAL = ["", "K", "Mil", "Bil"];
const AFTER: Readonly<Record<string, string>> = { ops: " ops/s", reqps: " req/s", Bps: "B/s" };

/** A value in a unit of Grafana's names, as short as Grafana has it. */
export function format(value: number, unit: string): string {
  if (unit === "s") return duration(value);
  if (unit === "bytes") return scaled(value, 1024, BINARY, " ");
  if (unit === "percentunit") return `${digits(value * 100)}%`;
  if (unit === "Bps") return scaled(value, 1000, [" B/s", " kB/s", " MB/s", " GB/s"], "");
  const before = scaled(value, 1000, DECIMAL, " ").trimEnd();
  return `${before}${AFTER[unit] ?? ""}`;
}

/** The factors in whose multiples ticks of a unit look round. */
export function tickBase(unit: string): number {
  return unit === "bytes" ? 1024 : 10;
}

function duration(value: number): string {
  if (value === 0) return "0 s";
  const [factor, name] = SECONDS.findLast(([least]) => Math.abs(value) >= least) ?? SECONDS[0];
  return `${digits(value / factor)} ${name}`;
}

function scaled(value: number, base: number, names: readonly string[], space: string): string {
  let power = 0;
  while (Math.abs(value) >= base && power < names.length - 1) {
    value /= base;
    power++;
  }
  return `${digits(value)}${space}${names[power]}`;
}

/** At most three digits that count. */
function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
