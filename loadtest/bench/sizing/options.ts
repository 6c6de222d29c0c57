import { parseArgs } from "node:util";

/** How to use the sizing. */
export const USAGE = `Usage: make sizing [ARGS="…"], or: node loadtest/dist/bench/sizing/main.js [options]

  --channels N   channels that keep a history (default 100000)
  --events N     events of each, 2 to 100 (default 10)
  --bytes N      length of each payload as JSON text (default 200)
  --no-wait      don't wait until the ids of publishes are forgotten (two minutes)
  --no-docs      don't write the table into docs/sizing.md (only a run with the defaults does)
  --help         this text`;

/** What the command line asks for. */
export interface SizingOptions {
  readonly channels: number;
  readonly events: number;
  readonly payloadBytes: number;
  readonly waits: boolean;
  readonly writesDocs: boolean;
  readonly wantsHelp: boolean;
}

const DEFAULTS = { channels: 100_000, events: 10, bytes: 200 } as const;

/** Reads the command line. Throws with a sentence for the user when it can't be understood. */
export function readSizingOptions(args: readonly string[]): SizingOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      channels: { type: "string" },
      events: { type: "string" },
      bytes: { type: "string" },
      "no-wait": { type: "boolean", default: false },
      "no-docs": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const isDefault = [values.channels, values.events, values.bytes].every((value) => value === undefined);
  return {
    channels: whole("--channels", values.channels, { least: 100, most: 10_000_000, otherwise: DEFAULTS.channels }),
    events: whole("--events", values.events, { least: 2, most: 100, otherwise: DEFAULTS.events }),
    payloadBytes: whole("--bytes", values.bytes, { least: 40, most: 100_000, otherwise: DEFAULTS.bytes }),
    waits: !values["no-wait"],
    writesDocs: isDefault && !values["no-wait"] && !values["no-docs"],
    wantsHelp: values.help,
  };
}

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly otherwise: number;
}

function whole(name: string, text: string | undefined, { least, most, otherwise }: Bounds): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} must be a whole number from ${least} to ${most}, not ${text}`);
}
