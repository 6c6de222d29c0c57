/**
 * Baseline `bare`: the least code that does the guide's job in one process. Clients subscribe over a WebSocket, `POST
 * /publish` goes to the topic tree. No authentication, no limits, no bus. Run by the bench: `node bare.js --port 8080`.
 */

import uWS from "uWebSockets.js";
import { baselineArguments, SUBSCRIBING, serve } from "./baseline.ts";

const app = uWS
  .App()
  .ws("/*", SUBSCRIBING)
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

serve(app, baselineArguments().port);
