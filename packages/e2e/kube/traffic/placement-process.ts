// A process that asks from many addresses which gateway they are led to. Its parent sends a question and gets one answer.
import { WebSocket } from "ws";
import { sourceAddress } from "./client-host.ts";
import type { PlacementAnswer, PlacementQuestion } from "./placement.ts";

const AT_ONCE = 32;

/** The number of the gateway's node, as it stands in the id of each connection; "" when there was none. */
function gatewayOf(front: string, key: string, client: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${front}/ws?key=${key}`, {
      localAddress: sourceAddress(client),
      perMessageDeflate: false,
      handshakeTimeout: 10_000,
    });
    socket.on("message", (data: Buffer) => {
      const { connectionId = "" } = JSON.parse(data.toString()) as { connectionId?: string };
      resolve(String(connectionId.split(".")[0]));
      socket.terminate();
    });
    // Whatever is wrong, "close" follows.
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(""));
  });
}

async function answer({ front, key, clients }: PlacementQuestion): Promise<PlacementAnswer> {
  const gateways: string[] = [];
  let next = 0;
  const ask = async () => {
    for (let client = next++; client < clients; client = next++) gateways[client] = await gatewayOf(front, key, client);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return { gateways };
}

process.on("message", (question: PlacementQuestion) => {
  void answer(question).then((each) => process.send?.(each));
});
