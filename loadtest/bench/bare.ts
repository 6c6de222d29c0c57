/**
 * Baseline `bare`: the least code that does the guide's job in one process. Clients subscribe over a WebSocket, `POST
 * /publish` goes to the topic tree. No authentication, no limits, no bus. Run by the bench: `node bare.js --port 8080`.
 */

import uWS from "uWebSockets.js";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string" } } });
const port = Number(values.port);
const decoder = new TextDecoder();

const app = uWS
  .App()
  .ws("/*", {
    idleTimeout: 120,
    maxBackpressure: 1024 * 1024,
    message(ws, message) {
      const { type, channel } = JSON.parse(decoder.decode(message));
      if (type !== "subscribe") return;
      ws.subscribe(channel);
      ws.send(`{"type":"subscribed","channel":${JSON.stringify(channel)}}`);
    },
  })
  .post("/publish", (res) => {
    let body = Buffer.alloc(0);
    // Nothing is kept that an abort would have to free; uWebSockets.js demands the handler.
    res.onAborted(() => undefined);
    res.onData((chunk, isLast) => {
      // A copy, because the chunk is only valid during this call.
      body = Buffer.concat([body, Buffer.from(chunk)]);
      if (isLast) accept(res, body);
    });
  });

function accept(res: uWS.HttpResponse, body: Buffer): void {
  // What is published is what is delivered, so the body is the frame.
  app.publish(JSON.parse(body.toString()).channel, body);
  res.cork(() => res.writeStatus("204 No Content").endWithoutBody());
}

app.listen("127.0.0.1", port, (token) => {
  if (!token) throw new Error(`port ${port} is taken`);
  console.log(JSON.stringify({ event: "ready", port }));
});
process.once("SIGTERM", () => process.exit(0));
