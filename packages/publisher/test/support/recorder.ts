import type { BusReceiver } from "@carillon/core";
import { decodeEnvelope, type Envelope } from "@carillon/protocol";

/** A received event, with the payload as text. */
export type Received = Omit<Envelope, "payload"> & { readonly channel: string; readonly payload: string };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A subscriber on the bus that keeps what it gets, in `into`, which several recorders may share. */
export class Recorder implements BusReceiver {
  readonly appId: string;
  readonly channel: string;
  readonly received: Received[];

  constructor(appId: string, channel: string, into: Received[] = []) {
    this.appId = appId;
    this.channel = channel;
    this.received = into;
  }

  receive(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes);
    if (envelope === null) throw new Error("not an envelope");
    this.received.push({ ...envelope, channel: this.channel, payload: decoder.decode(envelope.payload) });
  }
}
