/**
 * The publisher of the baseline `bridge` where channels keep a history: the least code that keeps what it publishes. It makes
 * the streams that Carillon makes (as many, the same limits, on files, republishing to what the gateways listen on), and turns
 * `POST /publish` into the client library's `js.publish` with an id, answered when the stream has it. No retries, no checks.
 *
 * Run by the bench: `node history-bridge.js --port 8081 --nats nats://127.0.0.1:4222 --messages 100 --replicas 1`.
 */

import uWS from "uWebSockets.js";
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import type { JetStreamClient, JetStreamManager } from "nats";
import { connect, DiscardPolicy, RetentionPolicy, StorageType } from "nats";
import { serve } from "./baseline.ts";
import { HISTORY_MAX_AGE_SECONDS } from "./carillon-config.ts";

/** As many as Carillon has by default, with its default window for repeats, and its room for differing clocks. */
const STREAMS = 4;
const WINDOW_SECONDS = 120;
const CLOCK_SLACK_SECONDS = 10;
const NANOSECONDS = 1_000_000_000;

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    nats: { type: "string", default: "" },
    messages: { type: "string" },
    replicas: { type: "string" },
  },
});
const port = Number(values.port);
const bus = await connect({ servers: values.nats.split(",") });
const manager = await bus.jetstreamManager();
for (let stream = 0; stream < STREAMS; stream++) await addStream(manager, stream);
const ids = randomBytes(12).toString("base64url");
let published = 0;

serve(publisher(bus.jetstream()), port);

async function addStream(streams: JetStreamManager, stream: number): Promise<void> {
  await streams.streams.add({
    name: `HIST_${stream}`,
    subjects: [`hist.${stream}.*`],
    republish: { src: "hist.*.*", dest: "rt.{{wildcard(2)}}" },
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    num_replicas: Number(values.replicas),
    max_msgs_per_subject: Number(values.messages) + 1,
    max_age: (HISTORY_MAX_AGE_SECONDS + CLOCK_SLACK_SECONDS) * NANOSECONDS,
    duplicate_window: WINDOW_SECONDS * NANOSECONDS,
    allow_direct: true,
    // The client's types don't know it, the server does.
    ...{ allow_msg_ttl: true },
  });
}

function publisher(js: JetStreamClient): uWS.TemplatedApp {
  return uWS.App().post("/publish", (res) => {
    let body = Buffer.alloc(0);
    let isAborted = false;
    res.onAborted(() => {
      isAborted = true;
    });
    res.onData((chunk, isLast) => {
      // A copy, because the chunk is only valid during this call.
      body = Buffer.concat([body, Buffer.from(chunk)]);
      if (!isLast) return;
      const answer = (status: string): void => {
        if (!isAborted) res.cork(() => res.writeStatus(status).endWithoutBody());
      };
      keep(js, body).then(
        () => answer("204 No Content"),
        () => answer("503 Service Unavailable"),
      );
    });
  });
}

async function keep(js: JetStreamClient, body: Buffer): Promise<void> {
  const { channel } = JSON.parse(body.toString()) as { channel: string };
  await js.publish(`hist.${streamOf(channel)}.${channel}`, body, { msgID: `${ids}${published++}` });
}

function streamOf(channel: string): number {
  return channel.charCodeAt(channel.length - 1) % STREAMS;
}
