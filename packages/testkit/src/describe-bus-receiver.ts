import type { BusReceiver, StreamStamp, TraceContext } from "@carillon/core";

const decoder = new TextDecoder();

/** A receiver that keeps a copy of all it gets. */
export class RecordingReceiver implements BusReceiver {
  readonly appId: string;
  readonly channel: string;
  readonly envelopes: Uint8Array[] = [];
  /** What each of them came with. */
  readonly traces: (TraceContext | undefined)[] = [];

  constructor(appId: string, channel: string) {
    this.appId = appId;
    this.channel = channel;
  }

  receive(envelope: Uint8Array, _stamp?: StreamStamp, trace?: TraceContext): void {
    // Not `slice`: a Buffer's doesn't copy.
    this.envelopes.push(new Uint8Array(envelope));
    this.traces.push(trace);
  }

  /** What it got, read as text. */
  get texts(): string[] {
    return this.envelopes.map((envelope) => decoder.decode(envelope));
  }
}
