import { type Envelope, encodeEnvelope } from "@carillon/protocol";
import { eventually, type NatsServer } from "@carillon/testkit";
import { RecordingReceiver } from "@carillon/testkit/contracts";
import type { NatsBus } from "../../src/index.ts";

const encoder = new TextEncoder();

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** A small but complete envelope. */
export function envelope(id: string): Uint8Array {
  const fields: Envelope = { id, timeMs: 0, exclude: "", event: "test", payload: bytes(JSON.stringify(id)) };
  return encodeEnvelope(fields);
}

/** A receiver whose interest stands. */
export async function listen(bus: NatsBus, appId: string, channel: string): Promise<RecordingReceiver> {
  const receiver = new RecordingReceiver(appId, channel);
  await bus.subscribe(receiver);
  return receiver;
}

/** What nats-server counts for one client connection. */
export interface Connection {
  readonly cid: number;
  readonly name: string;
  /** From the client to the server. */
  readonly in_msgs: number;
  /** From the server to the client. */
  readonly out_msgs: number;
  readonly subscriptions: number;
  readonly subscriptions_list?: readonly string[];
}

/** The client connections of a server, as its monitoring tells. */
export async function connections(server: NatsServer): Promise<readonly Connection[]> {
  return (await server.monitor<{ connections: Connection[] }>("/connz?subs=1&limit=100")).connections;
}

/** The one client connection with a name. */
export async function connectionNamed(server: NatsServer, name: string): Promise<Connection> {
  return await eventually(async () => {
    const found = (await connections(server)).find((each) => each.name === name);
    if (found === undefined) throw new Error(`no connection is called ${name}`);
    return found;
  });
}
