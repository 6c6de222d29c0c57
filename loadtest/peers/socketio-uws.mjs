/**
 * Peer `socketio-uws`: Socket.IO on uWebSockets.js (`attachApp`), whose topics then do the fan-out. One process, no adapter. Run by
 * the bench: `node socketio-uws.mjs --port 8080`.
 */

import uWS from "uWebSockets.js";
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { SERVER_OPTIONS, serveRooms } from "./socket-io-rooms.mjs";

const { values } = parseArgs({ options: { port: { type: "string" } } });
const app = uWS.App();
const io = new Server(SERVER_OPTIONS);
io.attachApp(app);
serveRooms(io);

app.post("/publish", (response) => {
  let body = Buffer.alloc(0);
  // Nothing is kept that an abort would have to free; uWebSockets.js demands the handler.
  response.onAborted(() => undefined);
  response.onData((chunk, isLast) => {
    // A copy, because the chunk is only valid during this call.
    body = Buffer.concat([body, Buffer.from(chunk)]);
    if (isLast) accept(response, body);
  });
});

function accept(response, body) {
  const { channel, event, payload } = JSON.parse(body.toString());
  io.to(channel).emit(event, channel, payload);
  response.cork(() => response.writeStatus("204 No Content").endWithoutBody());
}

app.listen("127.0.0.1", Number(values.port), (token) => {
  if (!token) throw new Error(`port ${values.port} is taken`);
  console.log(JSON.stringify({ event: "ready" }));
});
process.once("SIGTERM", () => process.exit(0));
