/**
 * Peer `socketio-redis`: Socket.IO as it is run on several nodes, with its Redis adapter; here it is one node. Run by the bench:
 * `node socketio-redis.mjs --port 8080 --redis redis://127.0.0.1:6379`.
 */
import { parseArgs } from "node:util";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";
import { publishServer } from "./publish-server.mjs";
import { SERVER_OPTIONS, serveRooms } from "./socket-io-rooms.mjs";

const { values } = parseArgs({ options: { port: { type: "string" }, redis: { type: "string" } } });
const publishing = createClient({ url: values.redis });
const subscribing = publishing.duplicate();
await Promise.all([publishing.connect(), subscribing.connect()]);

const server = publishServer(({ channel, event, payload }) => io.to(channel).emit(event, channel, payload));
const io = new Server(server, { ...SERVER_OPTIONS, adapter: createAdapter(publishing, subscribing) });
serveRooms(io);

server.listen(Number(values.port), "127.0.0.1", () => console.log(JSON.stringify({ event: "ready" })));
process.once("SIGTERM", () => process.exit(0));
