/**
 * Baseline `bridge`: the least code that has Carillon's shape. `gateway` holds connections and one NATS subscription for each
 * channel that has a subscriber; `publisher` is a process of its own that turns `POST /publish` into a NATS publish of the
 * finished frame. Bytes go through untouched; nothing is authenticated, confirmed, limited or counted.
 *
 * Run by the bench: `node bridge.js gateway --port 8080 --nats nats://127.0.0.1:4222`, and `publisher` likewise.
 */

import uWS from "uWebSockets.js";
import type { NatsConnection, Subscription } from "nats";
import { connect } from "nats";
import { baselineArguments, SUBSCRIBING, serve } from "./baseline.ts";

const { role, port, nats: servers } = baselineArguments();
const bus = await connect({ servers: [...servers] });
serve(role === "gateway" ? gateway(bus) : publisher(bus), port);

function gateway(nats: NatsConnection): uWS.TemplatedApp {
  const decoder = new TextDecoder();
  const subscriptions = new Map<string, Subscription>();
  const server = uWS.App();
  return server.ws("/*", {
    ...SUBSCRIBING,
    subscription(_ws, topic, newCount, oldCount) {
      const channel = decoder.decode(topic);
      if (oldCount === 0 && newCount > 0) {
        // A plain callback: what NATS delivers in one read is published in one turn of the loop, and leaves in one write.
        const callback = (_error: Error | null, { data }: { data: Uint8Array }): void => {
          server.publish(channel, data);
        };
        subscriptions.set(channel, nats.subscribe(`rt.${channel}`, { callback }));
      } else if (oldCount > 0 && newCount === 0) {
        subscriptions.get(channel)?.unsubscribe();
        subscriptions.delete(channel);
      }
    },
  });
}

function publisher(nats: NatsConnection): uWS.TemplatedApp {
  return uWS.App().post("/publish", (res) => {
    let body = Buffer.alloc(0);
    // Nothing is kept that an abort would have to free; uWebSockets.js demands the handler.
    res.onAborted(() => undefined);
    res.onData((chunk, isLast) => {
      // A copy, because the chunk is only valid during this call.
      body = Buffer.concat([body, Buffer.from(chunk)]);
      if (isLast) accept(nats, res, body);
    });
  });
}

function accept(nats: NatsConnection, res: uWS.HttpResponse, body: Buffer): void {
  // What is published is what is delivered, so the body is the frame.
  nats.publish(`rt.${JSON.parse(body.toString()).channel}`, body);
  res.cork(() => res.writeStatus("204 No Content").endWithoutBody());
}
