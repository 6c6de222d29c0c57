/**
 * Peer `ws`: what a team writes itself with `ws`: a Map from channel to sockets, and a loop. An event is made into JSON once, not
 * once for each socket, and compression is off, which is the default. Run by the bench: `node ws.mjs --port 8080`.
 */
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { publishServer } from "./publish-server.mjs";

const { values } = parseArgs({ options: { port: { type: "string" } } });
const channels = new Map();

const server = publishServer((published) => {
  const frame = Buffer.from(JSON.stringify(published));
  for (const socket of channels.get(published.channel) ?? []) socket.send(frame, { binary: false });
});
const sockets = new WebSocketServer({ server, clientTracking: false });

sockets.on("connection", (socket) => {
  const subscribed = new Set();
  socket.on("message", (text) => {
    const { type, channel } = JSON.parse(text);
    if (type !== "subscribe") return;
    subscribed.add(channel);
    if (!channels.has(channel)) channels.set(channel, new Set());
    channels.get(channel).add(socket);
    socket.send(JSON.stringify({ type: "subscribed", channel }));
  });
  // The close that follows says all there is to say.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    for (const channel of subscribed) leave(channel, socket);
  });
});

function leave(channel, socket) {
  const subscribers = channels.get(channel);
  subscribers?.delete(socket);
  if (subscribers?.size === 0) channels.delete(channel);
}

server.listen(Number(values.port), "127.0.0.1", () => console.log(JSON.stringify({ event: "ready" })));
process.once("SIGTERM", () => process.exit(0));
