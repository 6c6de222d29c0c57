/** What the baselines have in common: all that isn't measured on its own. */
import type uWS from "uWebSockets.js";
import { parseArgs } from "node:util";

/** What the bench says to a baseline. */
export interface BaselineArguments {
  /** `gateway` or `publisher`; undefined where there is but one. */
  readonly role: string | undefined;
  readonly port: number;
  /** Addresses of NATS. */
  readonly nats: readonly [string, ...string[]];
}

/** Reads the command line. */
export function baselineArguments(): BaselineArguments {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string" }, nats: { type: "string" } },
  });
  const [first = "", ...others] = (values.nats ?? "nats://127.0.0.1:4222").split(",");
  return { role: positionals[0], port: Number(values.port), nats: [first, ...others] };
}

const decoder = new TextDecoder();

/** WebSockets whose clients subscribe with `{"type":"subscribe","channel":…}`. */
export const SUBSCRIBING: uWS.WebSocketBehavior<unknown> = {
  idleTimeout: 120,
  maxBackpressure: 1024 * 1024,
  message(ws, message) {
    const { type, channel } = JSON.parse(decoder.decode(message));
    if (type !== "subscribe") return;
    ws.subscribe(channel);
    ws.send(`{"type":"subscribed","channel":${JSON.stringify(channel)}}`);
  },
};

/** Listens, says so as the bench expects it, and ends by SIGTERM. */
export function serve(app: uWS.TemplatedApp, port: number): void {
  app.listen("127.0.0.1", port, (token) => {
    if (!token) throw new Error(`port ${port} is taken`);
    console.log(JSON.stringify({ event: "ready", port }));
  });
  process.once("SIGTERM", () => process.exit(0));
}
