import { once } from "node:events";
import { WebSocket } from "ws";

/** Makes a Node process collect its garbage, through its inspector, so that what remains is what it holds on to. */
export async function collectGarbage(inspectorUrl: string): Promise<void> {
  const socket = new WebSocket(inspectorUrl);
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
  await once(socket, "message");
  socket.close();
  await once(socket, "close");
}
