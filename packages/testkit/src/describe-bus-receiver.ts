import type { BusReceiver } from "@carillon/core";

const decoder = new TextDecoder();

/** A receiver that keeps a copy of all it gets. */
export class RecordingReceiver implements BusReceiver {
  readonly appId: string;
  readonly channel: string;
  readonly envelopes: Uint8Array[] = [];

  constructor(appId: string, channel: string) {
    this.appId = appId;
    this.channel = channel;
  }

  receive(envelope: Uint8Array): void {
    // Not `slice`: a Buffer's doesn't copy.
    this.envelopes.push(new Uint8Array(envelope));
  }

  /** What it got, read as text. */
  get texts(): string[] {
    return this.envelopes.map((envelope) => decoder.decode(envelope));
  }
}
