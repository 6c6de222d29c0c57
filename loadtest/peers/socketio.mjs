/** Peer `socketio`: Socket.IO on `ws`, its default. One process, no adapter. Run by the bench: `node socketio.mjs --port 8080`. */
import { parseArgs } from "node:util";
import { Server } from "socket.io";
import { publishServer } from "./publish-server.mjs";
import { SERVER_OPTIONS, serveRooms } from "./socket-io-rooms.mjs";

const { values } = parseArgs({ options: { port: { type: "string" } } });
const server = publishServer(({ channel, event, payload }) => io.to(channel).emit(event, channel, payload));
const io = new Server(server, SERVER_OPTIONS);
serveRooms(io);

server.listen(Number(values.port), "127.0.0.1", () => console.log(JSON.stringify({ event: "ready" })));
process.once("SIGTERM", () => process.exit(0));
