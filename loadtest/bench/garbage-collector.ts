import { once } from "node:events";
import { WebSocket } from "ws";

/**
 * Has a Node process collect its garbage, twice, through its inspector; `port` is where that listens. What memory is resident
 * afterwards is in use. Rejects when the inspector doesn't answer.
 */
export async function collectGarbage(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [page] = (await answer.json()) as { webSocketDebuggerUrl?: string }[];
  if (page?.webSocketDebuggerUrl === undefined) throw new Error(`no inspector on port ${port}`);
  const socket = new WebSocket(page.webSocketDebuggerUrl);
  try {
    await once(socket, "open");
    // The second one frees what finalizers have let go of in the first.
    for (let id = 1; id <= 2; id++) {
      const collected = once(socket, "message");
      socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
      await collected;
    }
  } finally {
    socket.terminate();
  }
}
