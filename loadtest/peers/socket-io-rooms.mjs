/** Lets clients of a Socket.IO server subscribe to channels, which are rooms, as its docs have it. */
export function serveRooms(io) {
  // What the docs advise for memory: nobody looks at the request of the handshake again.
  io.engine.on("connection", (connection) => {
    connection.request = null;
  });
  io.on("connection", (socket) => {
    socket.on("subscribe", async (channel, acknowledge) => {
      await socket.join(channel);
      acknowledge();
    });
  });
}

/** Options of all the servers: WebSockets alone, no compression (its default), and no files for browsers. */
export const SERVER_OPTIONS = { transports: ["websocket"], serveClient: false };
