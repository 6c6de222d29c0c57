import type { NatsConnection } from "nats";
// The client looks whether it was closed only before it looks up the name of a server; its version is pinned exactly.
import { NatsConnectionImpl } from "nats/lib/src/nats-base-client.js";

/** Has a connection that is closed while it comes back, and looks up the name of a server, stay closed. */
export function stayClosed(connection: NatsConnection): void {
  if (!(connection instanceof NatsConnectionImpl)) return;
  const { protocol } = connection;
  const dial = protocol.dial.bind(protocol);
  protocol.dial = async (server) => {
    if (protocol.isClosed()) throw new Error("the connection was closed before it came back");
    await dial(server);
  };
}
